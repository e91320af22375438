"""Plans become the tasks that they say, and each mistake in one is told in one line."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest

from suite import registry
from suite.errors import PlanError
from suite.pinned import lock as models_lock
from suite.plan import load as plan
from suite.plan.load import Options, Surroundings
from suite.records import MACHINE, EnergyRule, EvaluationRule, HeatRule, Hypothesis, QuietRule, Repetition, Task
from suite.worker.model import Axis, Model


class Reader(Model):
    name = "reader"
    axes = (Axis("text_tokens", "text tokens", 20, 2, 512), Axis("image_regions", "image regions", 36, 1, 100))


class Walker(Model):
    name = "walker"
    axes = (Axis("frames", "frames", 50, 1, 1000),)
    scenarios = ("forward", "episode")
    takes_checkpoint = True
    takes_trajectory = True


MINIMAL = """
name = "mine"
description = "for a test"
models = ["reader", "walker"]
tests = ["latency"]
"""


HERE = replace(Surroundings.here(), devices=lambda: ("cpu",))


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "standard.toml").write_text(MINIMAL + "[repetition]\ntime_limit_s = 4.0\n")
    models = {"reader": Reader(), "walker": Walker()}
    return Surroundings(plans=plans, models=models, cpu_count=2, devices=lambda: ("cpu",))


def read(around: Surroundings, text: str, options: Options | None = None) -> tuple[Task, ...]:
    path = around.plans.parent / "mine.toml"
    path.write_text(text)
    return plan.load(str(path), options, around).tasks


def error(around: Surroundings, text: str, options: Options | None = None) -> str:
    with pytest.raises(PlanError) as caught:
        read(around, text, options)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(around.plans.parent) + "/", "")


def sizes(tasks: tuple[Task, ...], model: str) -> list[tuple[int, tuple[int, ...]]]:
    return [(task.batch_size, tuple(size for _, size in task.axes)) for task in tasks if task.model == model]


def test_a_plan_without_sweeps_measures_each_model_at_its_default_sizes(around: Surroundings) -> None:
    first, second = read(around, MINIMAL)
    assert first == Task(
        test="latency",
        model="reader",
        axes=(("text_tokens", 20), ("image_regions", 36)),
        thread_count=2,
        quiet=QuietRule(),
        heat=HeatRule(),
    )
    assert second.model == "walker"
    assert second.axes == (("frames", 50),)


def test_sweeps_vary_one_size_at_a_time_and_share_the_default_point(around: Surroundings) -> None:
    text = MINIMAL + "batch_size = [1, 4]\n[axes]\ntext_tokens = [10, 20, 40]\nframes = [5]\n"
    tasks = read(around, text)
    assert sizes(tasks, "reader") == [(1, (20, 36)), (4, (20, 36)), (1, (10, 36)), (1, (40, 36))]
    assert sizes(tasks, "walker") == [(1, (50,)), (4, (50,)), (1, (5,))]


def test_each_runtime_in_each_precision_has_its_tasks_and_counts_are_made_once(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["params", "latency"]') + "precisions = ['fp32', 'bf16', 'fp32']\n"
    tasks = read(around, text, Options(models=("reader",)))
    assert [(task.test, task.runtime, task.precision) for task in tasks] == [
        ("params", "eager", "fp32"),
        ("latency", "eager", "fp32"),
        ("latency", "eager", "bf16"),
    ]
    only = read(around, text, Options(models=("reader",), tests=("latency",), precisions=("int8",)))
    assert [task.precision for task in only] == ["int8"]


def test_sizes_that_a_model_named_beside_the_plan_can_t_take_are_left_out_and_told(around: Surroundings) -> None:
    text = MINIMAL.replace('["reader", "walker"]', '["walker"]') + "[axes]\ntext_tokens = [10, 513]\n"
    path = around.plans.parent / "mine.toml"
    path.write_text(text)
    found = plan.load(str(path), Options(models=("reader",)), around)
    assert sizes(found.tasks, "reader") == [(1, (20, 36)), (1, (10, 36))]
    assert found.description == "for a test; reader takes 2 to 512 text tokens: 513 of the plan is left out"
    asked = Options(models=("reader",), axes=(("text_tokens", (513,)),))
    assert error(around, text, asked) == "--axis: text_tokens: reader takes 2 to 512 text tokens, got 513"


def test_flops_are_counted_at_batch_1_once_for_each_input_size(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["flops"]') + "batch_size = [1, 2, 4]\n[axes]\ntext_tokens = [10]\n"
    tasks = read(around, text, Options(models=("reader",)))
    assert sizes(tasks, "reader") == [(1, (20, 36)), (1, (10, 36))]


def test_counting_tasks_do_not_depend_on_the_machine_or_the_protocol(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["params", "flops"]')
    options = Options(models=("reader",), threads=7, seed=5, device="cuda", time_limit_s=1.0)
    assert read(around, text, options) == read(around, text, Options(models=("reader",)))


@pytest.mark.parametrize(
    ("cpu_count", "quota", "expected"),
    [(8, None, 8), (8, 4.0, 4), (8, 2.5, 2), (2, 0.4, 1), (2, 16.0, 2)],
)
def test_all_threads_are_as_many_as_cpus_and_quota_let_run(
    around: Surroundings, cpu_count: int, quota: float | None, expected: int
) -> None:
    around = dataclasses.replace(around, cpu_count=cpu_count, quota=quota)
    assert {task.thread_count for task in read(around, MINIMAL)} == {expected}


@pytest.mark.parametrize("threads", [65, 999, 1_000_000])
def test_threads_beyond_all_measure_are_refused_before_they_cost(around: Surroundings, threads: int) -> None:
    told = f"at most 64 on the 2 processors here, got {threads}"
    assert error(around, MINIMAL, Options(threads=threads)) == f"--threads: {told}"
    assert error(around, MINIMAL + f"threads = {threads}\n") == f"mine.toml: threads: {told}"


def test_some_more_threads_than_cpus_can_be_asked_for(around: Surroundings) -> None:
    assert {task.thread_count for task in read(around, MINIMAL, Options(threads=4))} == {4}


def test_tests_come_in_one_order_whatever_the_plan_says(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["energy", "latency", "flops", "params"]')
    tasks = read(around, text, Options(models=("reader",)))
    assert [task.test for task in tasks] == ["params", "flops", "latency", "energy"]


def test_the_machine_is_measured_once_before_all_models(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["latency", "roofline"]')
    first, *others = read(around, text, Options(device="cuda", seed=5))
    assert first == Task(test="roofline", model=MACHINE, device="cuda", thread_count=2)
    assert [task.test for task in others] == ["latency", "latency"]


@pytest.mark.parametrize("others", ["", '"params", ', '"energy", '])
def test_a_roofline_without_latencies_is_refused(around: Surroundings, others: str) -> None:
    told = error(around, MINIMAL.replace('["latency"]', f'[{others}"roofline"]'))
    assert told == (
        "mine.toml: tests: a roofline says what latencies are near to; ask for latency too, or leave it out"
    )
    assert error(around, MINIMAL, Options(tests=("roofline",))).startswith("--test: a roofline says")


def test_latency_alone_measures_no_roofline() -> None:
    assert {task.test for task in plan.single("latency", Options(), HERE).tasks} == {"latency"}


def test_a_scenario_is_measured_where_a_model_has_it_and_repeats_as_the_plan_does_but_for_its_own_words(
    around: Surroundings,
) -> None:
    text = MINIMAL + (
        "[repetition]\nmin_call_count = 12\n"
        "[scenarios.episode]\naxes = { frames = 9 }\nrepetition = { time_limit_s = 30.0 }\n"
    )
    episodes = [task for task in read(around, text) if task.scenario == "episode"]
    (episode,) = episodes
    assert (episode.model, episode.axes) == ("walker", (("frames", 9),))
    assert episode.repetition == Repetition(min_call_count=12, time_limit_s=30.0)


def test_energy_has_a_sweep_and_a_window_of_its_own(around: Surroundings) -> None:
    text = MINIMAL.replace('["latency"]', '["energy"]') + (
        "batch_size = [1, 2, 4]\n[energy]\nbatch_size = [1, 4]\nwindow_s = 6.0\nidle_s = 9.0\n"
    )
    tasks = read(around, text, Options(models=("walker",)))
    assert [task.batch_size for task in tasks] == [1, 4]
    assert tasks[0].energy == EnergyRule(window_count=3, window_s=6.0, idle_s=9.0)


def test_a_target_of_none_is_a_fixed_count(around: Surroundings) -> None:
    text = MINIMAL + '[repetition]\ntarget_relative_halfwidth = "none"\nmin_call_count = 10\n'
    assert read(around, text)[0].repetition.target_relative_halfwidth is None


def test_a_budget_shortens_every_limit_alike(around: Surroundings) -> None:
    text = MINIMAL + "time_budget_s = 6.0\nbatch_size = [1, 2]\n[repetition]\ntime_limit_s = 4.0\n"
    limits = [task.repetition.time_limit_s for task in read(around, text)]
    assert limits == [1.5, 1.5, 1.5, 1.5]  # 4 points of 4 s in 6 s


def test_a_budget_that_is_not_needed_changes_nothing(around: Surroundings) -> None:
    text = MINIMAL + "time_budget_s = 100\n[repetition]\ntime_limit_s = 4.0\n"
    assert {task.repetition.time_limit_s for task in read(around, text)} == {4.0}


def test_options_go_over_the_plan(around: Surroundings) -> None:
    options = Options(
        models=("walker",),
        tests=("latency", "energy"),
        batch_size=(3,),
        axes=(("frames", (7,)),),
        device="cuda:1",
        threads=4,
        seed=9,
        time_limit_s=2.0,
    )
    tasks = read(around, MINIMAL + "time_budget_s = 1\nbatch_size = [1, 2]\n", options)
    assert [(task.test, task.batch_size, task.size("frames")) for task in tasks] == [
        ("latency", 3, 50),
        ("latency", 1, 7),
        ("energy", 3, 50),
    ]
    assert {(task.device, task.thread_count, task.seed) for task in tasks} == {("cuda:1", 4, 9)}
    assert tasks[0].repetition.time_limit_s == 2.0


def test_a_single_test_is_the_standard_plan_s_protocol_at_the_default_point(around: Surroundings) -> None:
    found = plan.single("latency", Options(models=("reader",)), around)
    assert found.name == "latency"
    assert sizes(found.tasks, "reader") == [(1, (20, 36))]
    assert found.tasks[0].repetition.time_limit_s == 4.0


def test_files_that_the_user_brings_go_to_the_models_that_take_them(around: Surroundings, tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.pth"
    checkpoint.touch()
    options = Options(checkpoint=str(checkpoint), trajectory=str(tmp_path))
    tasks = {task.model: task for task in read(around, MINIMAL, options)}
    assert (tasks["reader"].checkpoint, tasks["reader"].trajectory) == (None, None)
    assert (tasks["walker"].checkpoint, tasks["walker"].trajectory) == (str(checkpoint), str(tmp_path))


MISTAKES = [
    ("batchsize = [1]", "mine.toml: unknown key 'batchsize': did you mean 'batch_size'? There is name, "),
    ("batch_size = ['2']", "mine.toml: batch_size[0]: input should be a valid integer, got '2'"),
    ("batch_size = [1, 0]", "mine.toml: batch_size[1]: input should be greater than or equal to 1, got 0"),
    ("batch_size = [-2]", "mine.toml: batch_size[0]: input should be greater than or equal to 1, got -2"),
    ("batch_size = []", "mine.toml: batch_size: must name at least one"),
    ("batch_size = 4", "mine.toml: batch_size: input should be a valid list, got 4"),
    ("threads = 'some'", "mine.toml: threads: must be 'all' or a number from 1 up, got 'some'"),
    ("threads = 0", "mine.toml: threads: must be 'all' or a number from 1 up, got 0"),
    ("runtimes = ['eagre']", "mine.toml: runtimes: unknown runtime 'eagre': did you mean 'eager'? There is "),
    ("runtimes = []", "mine.toml: runtimes: must name at least one"),
    (
        "precisions = ['fp64']",
        "mine.toml: precisions[0]: input should be 'fp32', 'tf32', 'bf16', 'fp16' or 'int8', got 'fp64'",
    ),
    ("device = 'tpu'", "mine.toml: device: must be auto, cpu, mps, cuda or cuda:<number>, got 'tpu'"),
    ("seed = -1", "mine.toml: seed: input should be greater than or equal to 0, got -1"),
    ("time_budget_s = nan", "mine.toml: time_budget_s: input should be a finite number, got nan"),
    (
        "[repetition]\ntarget_halfwidth = 1",
        "mine.toml: repetition: unknown key 'target_halfwidth': did you mean 'target_relative_halfwidth'?",
    ),
    ("[repetition]\ntime_limit_s = 0", "mine.toml: repetition: time_limit_s must be positive and finite, got 0"),
    ("[repetition]\nmin_call_count = 1.5", "mine.toml: repetition.min_call_count: input should be a valid integer"),
    ("[energy]\nwindow = 1", "mine.toml: energy: unknown key 'window': did you mean 'window_s'?"),
    ("[scenarios.episode]\naxis = 1", "mine.toml: scenarios.episode: unknown key 'axis': did you mean 'axes'?"),
    (
        "[scenarios.episodes]",
        "mine.toml: scenarios: unknown scenario 'episodes': did you mean 'episode'? There is episode",
    ),
    (
        "[scenarios.episode.axes]\nframes = 2000",
        "mine.toml: scenarios.episode.axes.frames: walker takes 1 to 1000 frames",
    ),
    ("[axes]\ntext_tokens = [513]", "mine.toml: axes: text_tokens: reader takes 2 to 512 text tokens, got 513"),
    ("[axes]\ntext_tokens = [1]", "mine.toml: axes: text_tokens: reader takes 2 to 512 text tokens, got 1"),
    ("[axes]\ntext_token = [8]", "mine.toml: axes: unknown axis 'text_token': did you mean 'text_tokens'?"),
    ("batch_size = [1", "mine.toml: this is not TOML: "),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_names_file_and_key_and_what_is_allowed(around: Surroundings, text: str, message: str) -> None:
    assert error(around, MINIMAL + text + "\n").startswith(message)


def test_a_missing_key_is_named(around: Surroundings) -> None:
    text = MINIMAL.replace('name = "mine"\n', "")
    assert error(around, text) == "mine.toml: name is missing; every plan has it"


def test_an_unknown_model_or_test_comes_with_the_nearest_name(around: Surroundings) -> None:
    assert error(around, MINIMAL.replace('"reader"', '"raeder"')) == (
        "mine.toml: models: unknown model 'raeder': did you mean 'reader'? There is reader, walker"
    )
    assert error(around, MINIMAL.replace('"latency"', '"latencies"')) == (
        "mine.toml: tests: unknown test 'latencies': did you mean 'latency'? There is params, flops, latency, energy, "
        "sustained, accuracy, roofline, profile"
    )


def test_a_mistake_in_an_option_names_the_option(around: Surroundings) -> None:
    assert error(around, MINIMAL, Options(models=("raeder",))).startswith("--model: unknown model 'raeder'")
    assert error(around, MINIMAL, Options(batch_size=(0,))) == (
        "--batch-size: input should be greater than or equal to 1, got 0"
    )
    assert error(around, MINIMAL, Options(threads="al")) == "--threads: must be 'all' or a number from 1 up, got 'al'"
    assert error(around, MINIMAL, Options(time_limit_s=-1.0)) == (
        "--time-limit: time_limit_s must be positive and finite, got -1.0"
    )


def test_an_axis_option_must_be_of_a_chosen_model(around: Surroundings) -> None:
    message = error(around, MINIMAL, Options(models=("reader",), axes=(("frames", (3,)),)))
    assert message == "--axis: unknown axis 'frames': There is text_tokens, image_regions"


def test_published_weights_go_to_the_models_that_have_them(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUITE_WEIGHTS", str(tmp_path / "weights"))
    lxmert = registry.get(registry.MODELS, "lxmert", "model")
    around = replace(around, models={**around.models, "lxmert": lxmert})
    text = MINIMAL.replace('"reader"', '"lxmert"') + 'weights = "pinned"\n'
    assert error(around, text) == (
        "mine.toml: weights: the published weights of lxmert are not in weights; suite models fetch --model lxmert"
    )
    path = models_lock.pinned_weights_path("lxmert", tmp_path / "weights")
    path.parent.mkdir(parents=True)
    path.touch()
    tasks = {task.model: task.weights for task in read(around, text)}
    assert tasks == {"lxmert": "pinned", "walker": "seeded"}
    assert {task.weights for task in read(around, text, Options(weights="seeded"))} == {"seeded"}


def test_a_checkpoint_must_be_there_and_fit_one_model(around: Surroundings, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pth")
    assert error(around, MINIMAL, Options(models=("reader",), checkpoint=missing)).startswith(
        "--checkpoint: none of the chosen models takes one"
    )
    assert error(around, MINIMAL, Options(checkpoint=missing)) == (
        "--checkpoint: none.pth is not a file; give the path of the checkpoint"
    )


def test_an_unknown_plan_comes_with_the_nearest_name(around: Surroundings) -> None:
    with pytest.raises(PlanError, match="unknown plan 'standart': did you mean 'standard'"):
        plan.load("standart", None, around)


@pytest.mark.parametrize("name", ["standard", "quick", "lab"])
def test_every_shipped_plan_is_valid_and_measures_four_models(name: str) -> None:
    found = plan.load(name, None, HERE)
    assert found.name == name
    lab = [MACHINE, "lxmert", "visualbert", "et-human-synthetic", "et-human"]
    tests = {"params", "flops", "latency", "energy", "roofline"}
    own = name == "standard"  # beside them, the small model of its evaluation
    assert list(dict.fromkeys(task.model for task in found.tasks)) == lab + ["lxmert-digits"] * own
    assert {task.test for task in found.tasks} == tests | ({"accuracy"} if own else set())
    assert len({task.key for task in found.tasks}) == len(found.tasks)


def test_the_standard_plan_evaluates_a_model_that_it_brings_for_that_alone() -> None:
    tasks = [task for task in plan.load("standard", None, HERE).tasks if task.model == "lxmert-digits"]
    assert [(task.test, task.precision, task.batch_size) for task in tasks] == [
        ("params", "fp32", 1),
        ("latency", "fp32", 1),
        ("energy", "fp32", 1),
        ("accuracy", "fp32", 1),
        ("latency", "bf16", 1),
        ("energy", "bf16", 1),
        ("accuracy", "bf16", 1),
    ]
    assert {(task.energy.window_count, task.energy.idle_s) for task in tasks if task.test == "accuracy"} == {(3, 10.0)}
    assert all(task.evaluation.metered for task in tasks if task.evaluation is not None)
    assert {task.weights for task in tasks[1:]} == {"shipped"}
    assert [task.evaluation.name for task in tasks if task.evaluation] == ["digits-vqa"] * 2


def test_an_evaluation_is_metered_where_energy_is_asked_for_and_inputs_are_called_alone() -> None:
    (alone,) = (task for task in plan.load("standard", Options(tests=("accuracy",), precisions=("fp32",)), HERE).tasks)
    assert alone.evaluation is not None
    assert not alone.evaluation.metered
    assert alone.energy == EnergyRule()


def test_who_chooses_models_gets_no_other() -> None:
    chosen = plan.load("standard", Options(models=("lxmert",), tests=("latency",)), HERE)
    assert {task.model for task in chosen.tasks} == {"lxmert"}
    with pytest.raises(PlanError, match="none of its evaluations is for a chosen model"):
        plan.load("standard", Options(models=("lxmert",), tests=("accuracy",)), HERE)


def test_variants_that_are_asked_for_take_the_place_of_the_evaluations_own() -> None:
    found = plan.load("standard", Options(precisions=("int8",), tests=("accuracy",)), HERE)
    assert [(task.test, task.precision) for task in found.tasks] == [("accuracy", "int8")]


def test_an_evaluation_is_named_or_described(around: Surroundings) -> None:
    text = MINIMAL.replace('"latency"', '"accuracy"').replace(', "walker"', "")
    data = around.plans / "x.jsonl"
    data.write_text("{}")
    table = f'[[evaluations]]\nname = "jsonl"\ndata = "{data}"\nlimit = 3\nbatch_size = 2\nalone_count = 0\n'
    (task,) = read(around, text + table)
    assert task.evaluation == EvaluationRule(name="jsonl", data=str(data), limit=3, batch_size=2, alone_count=0)
    assert error(around, text + '[[evaluations]]\nname = "jsonl"\nlimits = 3\n').startswith(
        "mine.toml: evaluations[0]: unknown key 'limits': did you mean 'limit'?"
    )


def test_the_lab_plan_leaves_the_first_pass_out_and_times_ten() -> None:
    rules = {task.repetition for task in plan.load("lab", None, HERE).tasks if task.test == "latency"}
    (rule,) = rules
    assert (rule.warmup_min_call_count, rule.warmup_max_call_count) == (1, 1)
    assert (rule.min_call_count, rule.max_call_count, rule.target_relative_halfwidth) == (10, 10, None)


def test_energy_alone_is_swept_along_an_axis_and_beside_other_tests_only_where_the_plan_says_so(
    around: Surroundings,
) -> None:
    options = Options(models=("walker",), tests=("energy",), axes=(("frames", (7, 9)),))
    assert [task.size("frames") for task in read(around, MINIMAL, options)] == [50, 7, 9]
    both = Options(models=("walker",), tests=("params", "energy"), axes=(("frames", (7, 9)),))
    assert [task.size("frames") for task in read(around, MINIMAL, both) if task.test == "energy"] == [50]
    told = read(around, MINIMAL + "[energy]\naxes = { frames = [3] }\n", Options(models=("walker",), tests=("energy",)))
    assert [(task.batch_size, task.size("frames")) for task in told] == [(1, 50), (1, 3)]


def test_a_wrong_axis_of_energy_is_named(around: Surroundings) -> None:
    with pytest.raises(PlanError, match=r"energy.axes: unknown axis 'frame': did you mean 'frames'\?"):
        read(around, MINIMAL + "[energy]\naxes = { frame = [3] }\n", Options())


OWN = MINIMAL + 'batch_size = [1, 2, 4]\n[axes]\nframes = [10]\n[[hypotheses]]\nquantity = "latency"\n'


def test_hypotheses_of_ones_own_are_part_of_the_plan(around: Surroundings) -> None:
    path = around.plans.parent / "mine.toml"
    path.write_text(OWN + 'against = "batch_size"\nshape = "power"\nexponent = [1, 1.5]\ntext = "so"\n')
    (stated,) = plan.load(str(path), None, around).hypotheses
    assert stated == Hypothesis(quantity="latency", against="batch_size", shape="power", exponent=(1.0, 1.5), text="so")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('against = "frams"\nshape = "linear"', "[0].against: unknown size 'frams': did you mean 'frames'?"),
        (
            'against = "frames"\nshape = "linear"',
            "[0]: needs 3 sizes of frames or more, and the plan measures latency at 2",
        ),
        ('against = "batch_size"\nshape = "linier"', "[0].shape: input should be 'linear', 'proportional'"),
        ('against = "batch_size"\nshape = "linear"\nwhy = 1', "[0]: unknown key 'why'"),
        ('against = "batch_size"\nshape = "linear"\nexponent = [1, 2]', "exponent is for shape 'power' alone"),
        ('against = "batch_size"\nshape = "linear"\nmodels = ["walk"]', "[0].models: unknown model 'walk'"),
        ('against = "parameters"\nshape = "tracks"', "[0]: parameters asks for the test 'params'; add it to tests"),
    ],
)
def test_a_hypothesis_that_the_plan_cannot_answer_is_refused(around: Surroundings, lines: str, told: str) -> None:
    message = error(around, f"{OWN}{lines}\n")
    assert "mine.toml: hypotheses" in message
    assert told in message
