"""The wire between controller and worker: one JSON object a line, requests on stdin, replies on stdout.

    -> {"id": 7, "op": "time", "case": "b8", "call_count": 5}
    <- {"id": 7, "result": {"started_s": 1234.5, "latency_s": [0.51, 0.50, 0.51, 0.50, 0.51]}}
    <- {"id": 7, "error": {"code": "OUT_OF_MEMORY", "reason": "...", "remedy": "...", "traceback": "..."}}

The worker obeys; the controller decides. Replies come in the order of the requests, one each. The worker's own prints
and library chatter go to stderr (file descriptor 1 is turned onto it at start). Times are seconds of the system-wide
monotonic clock. A change of shape raises PROTOCOL_VERSION; the controller refuses another.

Operations (arguments -> result):

hello             -> protocol, process_started_s (first line of Python), versions {name: version}, devices [name, ...],
                  clock; imports torch where it is installed (devices are empty where it isn't)
declare           origin -> protocol, declaration {name, title, axes [{name, ...}, ...], ...} (declarations.py), or
                  name, reason, remedy where a declaration is not what it should be;
                  imports that plug-in under guard; the first request of a process that is given up afterwards
introduce         model, origin -> {}                                      where a model of others lies
import            model -> import_s (all seconds spent importing in this process, the plug-in's own among them),
                  resident_bytes
count_parameters  model, options -> the fields of records.ParameterCount but expected_unique_count: shared as
                  [{names, parameter_count}], bytes_by_dtype as [[dtype, bytes]],
                  configuration [in what a checkpoint's network is not the published one, ...]      (meta device)
count_flops       model, options, scenario, batch_size, axes {name: size} -> mac_count, by_operator [[name, macs], ...],
                  uncounted [name, ...] (cheap), unknown [name, ...] (of unknown cost: the count is a lower bound),
                  configuration
                                                                           (meta device, or the CPU where values matter)
runtimes          -> runtimes [{name, title, ways [{device, precision, absence (null where it can work, else code,
                  reason, remedy)}, ...]}, ...]                            which can work here, and why others can't
build             model, options, way {runtime, precision, device, thread_count, seed, trajectory}, points [{scenario,
                  batch_size, axes}, ...], folder -> folder (of this build, in that of all), build_s,
                  peak_resident_bytes, size_bytes, cached, dynamic, graph_count, notes
                                                                           then the process is given up
load              model, options, runtime, precision, device, thread_count, seed, artefact (the folder that `build`
                  named, null for a runtime that is not built) -> build_s, weights_s, weight_bytes, weights_source,
                  weights_sha256, weights_precision, configuration, thread_count (as it is in force), synchronisation
in_force          -> provider ([name] or null), node_counts [[provider, count], ...], elements [element type, ...],
                  notes [sentence, ...]                                          what really ran, after the calls
write_outputs     case, path -> output_count, byte_count                   one call's outputs, as safetensors
compare_outputs   case, path -> outputs [{name, element_count, max_abs_error, relative_error, cosine, top_agreement,
                  nan_count, infinite_count, unlike_count}, ...]           against what another worker wrote
prepare           case, scenario, batch_size, axes, seed, trajectory -> inputs_source, inputs_sha256, own_sizes {name:
                  a trajectory's own size}, step_count, before_resident_bytes
                                                                           makes the inputs, on the device
check_inputs      case -> changed [input name, ...], flags [[code, text], ...]
fingerprint       case -> fingerprint: the fields of records.Fingerprint, top as [[index, lead], ...]; null before a
                  call, and where outputs can't be looked at
evaluate          evaluation, data (a path or null), start (a row), row_count, batch_size, alone -> row_count (fewer
                  where there are no more), ended, examples_sha256, values [[...] of each metric], weights [[...] of
                  each further metric], groups [...], lengths [...], alone and padded {example_counts, padded_lengths,
                  latency_s} of calls one by one and in batches, changed_count and compared_count (answers, between
                  the two), unreachable_count, corrupt_count, corrupt [text, ...], interference
                                                                           answers judged, rows in order
replay            evaluation, data, row_count, batch_size, example_count (null: as many as may be held), duration_s ->
                  started_s, ended_s, pass_count, lengths [of each example of a pass], longest_s [of each call of a
                  pass], thread_count, interference
                                          whole passes over the examples of the first rows, for an energy window
time              case, call_count -> started_s, latency_s [...], thread_count (in force after the calls), flags,
                  interference (the fields of records.Interference, null where the machine doesn't tell)
time_for          case, duration_s, min_call_count -> started_s, ended_s, call_count, calls_per_value, latency_s [...],
                  thread_count, flags, interference; a value is the mean of calls_per_value calls in a row, 1 unless
                  very many
                                                                           back-to-back calls, for an energy window
watch             duration_s -> interference                               while this process sleeps
profile           case, call_count -> latency_s [...] (of calls under the profiler), operators [{operator, call_count,
                  self_s, device_self_s, mac_count}, ...], modules [{path, kind, call_count, self_s, total_s,
                  device_self_s, device_total_s, mac_count}, ...], uncounted [code, reason, remedy] or null; times are
                  sums over all calls, mac_count is of one, its own; null: there is no device, it wasn't counted
device_times      case, call_count -> wall_s, span_s, work_s (empty where the calls can't be queued up), in_s, out_s
                  [... of each call], in_bytes, out_bytes (device_times.py)
memory            -> resident_bytes, peak_resident_bytes, peak_was_reset, device_peak_bytes (null without a device),
                  device_free_bytes, device_total_bytes, device_reserved_peak_bytes, device_context_bytes,
                  device_is_unified, machine_taken_bytes (of a machine that shares its memory with the device, since
                  before the model was loaded); null each where nothing tells
reset_memory      -> peak_was_reset                                        starts a new peak where the system can
release           case -> {}
convert           model, source, target -> sha256, weights_sha256, left_out [tensor name, ...]
                                                                           published weights as a safetensors file
roofline          device, thread_count, precisions [name, ...], duration_s, memory_bytes (the most to be taken) ->
                  thread_count, synchronisation, tensor_bytes, cache_bytes (null where the machine doesn't tell),
                  copy and read {amount, call_count, block_s [...]} (bytes of a call, calls of each block),
                  matmul [{precision, size, amount, call_count, block_s}, ...] (FLOPs of a call),
                  interference (null where nobody looked)
                                                                           what the device can do; needs no model
quit              -> {}

An origin is the absolute path of a file, what an entry point names, or "brought:" and settings as JSON, of a model that
a person brings (brought/words.py): `declare` then opens and calls it once, and answers beside the declaration `origin`
(with what it found out) and `content_sha256`. `options` is what the user brings to a model:
{"checkpoint": path or null, "pinned": path or null}, the latter of a file that convert made. Paths are absolute.

`flags` are doubts about figures that stand nonetheless. Of a check: NOT_DETERMINISTIC (the same call twice differs:
nothing is claimed), INPUT_IGNORED, INPUT_UNCHECKED, OUTPUT_CONSTANT, OUTPUT_EMPTY, OUTPUT_INFINITE, OUTPUT_NOT_FINITE,
OUTPUT_WITHOUT_TENSORS, CHECK_FAILED. Of timed calls, all that was found with this case so far: INPUTS_CHANGED (and set
back between calls from then on), OUTPUT_CHANGED, MEMORY_GROWS, and those of outputs.

Codes of errors that the worker itself gives (plug-ins add their own): OUT_OF_MEMORY, PACKAGE_MISSING, UNKNOWN_PLUGIN,
BAD_PLUGIN, INFERENCE_MODE, COUNT_FAILED, NO_FLOP_COUNTER, NOTHING_COUNTED, NO_PROFILER, NOTHING_SEEN, NO_DEVICE_CLOCK,
NO_DEVICE_TIMES, UNKNOWN_SCENARIO, UNSUPPORTED_DEVICE, UNSUPPORTED_PRECISION, EVALUATION_DATA, EVALUATION_MODEL,
MEMORY_UNREADABLE, BAD_REQUEST, PROTOCOL, and FAILED for any other exception. The controller adds those of a worker that
is gone: HUNG, CRASHED, KILLED, KILLED_FOR_MEMORY.
"""

PROTOCOL_VERSION = 4
