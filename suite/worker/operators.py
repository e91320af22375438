"""What operators cost that torch's own counter has no formula for: a formula, little, or unknown and then named.

Formulas give multiply-accumulates of one call from its arguments and its result. Cheap operators do work in proportion
to the elements that they read and write (sorting: times a logarithm), beside which matrix products count. Whatever is
in neither list may cost anything: it isn't taken as free.
"""

import functools
from typing import Any, Callable, Dict, FrozenSet, Sequence

_CHEAP = """
abs absolute neg negative positive sign sgn signbit exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal
sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sinc erf erfc erfinv lgamma digamma polygamma i0 sigmoid
logit ceil floor round trunc frac fix angle conj conj_physical _conj _conj_physical _neg_view resolve_conj resolve_neg
real imag isnan isinf isfinite isposinf isneginf isin bitwise_not logical_not nan_to_num deg2rad rad2deg relu relu6
gelu silu mish elu celu selu leaky_relu prelu _prelu_kernel hardtanh hardsigmoid hardswish hardshrink softshrink
softplus log_sigmoid_forward log_sigmoid threshold rrelu rrelu_with_noise rrelu_with_noise_functional glu clamp
clamp_min clamp_max clip add sub rsub subtract mul multiply div divide true_divide floor_divide remainder fmod pow
float_power atan2 arctan2 hypot copysign maximum minimum fmax fmin max min eq ne lt le gt ge logical_and logical_or
logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift __and__ __or__ __xor__
__lshift__ __rshift__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__ lerp addcmul addcdiv where xlogy gcd lcm
heaviside nextafter ldexp frexp logaddexp logaddexp2 complex polar linalg_cross cross sum nansum mean nanmean prod
amax amin aminmax _aminmax argmax argmin all any std std_mean var var_mean norm linalg_vector_norm logsumexp
_logcumsumexp logcumsumexp cumsum cumprod cummax cummin _cummax_helper _cummin_helper count_nonzero median nanmedian
mode kthvalue quantile topk sort argsort msort histc bincount bucketize searchsorted unique _unique _unique2
unique_dim unique_consecutive trace diff dist equal allclose isclose is_nonzero _is_all_true _is_any_true
_local_scalar_dense item segment_reduce _softmax _log_softmax _safe_softmax softmax log_softmax _masked_softmax
native_layer_norm layer_norm native_group_norm group_norm native_batch_norm _native_batch_norm_legit
_native_batch_norm_legit_no_training _native_batch_norm_legit_functional _batch_norm_with_update _batch_norm_no_update
cudnn_batch_norm native_dropout dropout rms_norm _fused_rms_norm renorm _weight_norm_interface _weight_norm
_embedding_bag _embedding_bag_forward_only embedding embedding_renorm clone copy _to_copy to contiguous cat stack
_stack constant_pad_nd pad reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
replication_pad3d roll flip rot90 repeat repeat_interleave index index_select index_put _index_put_impl _unsafe_index
_unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate gather scatter scatter_add scatter_reduce
index_add index_copy index_fill index_reduce take put masked_fill masked_scatter masked_select nonzero nonzero_static
argwhere tril triu tril_indices triu_indices diag diag_embed diagonal_scatter slice_scatter select_scatter
as_strided_scatter split split_with_sizes unsafe_split unsafe_split_with_sizes unsafe_chunk im2col col2im
channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle one_hot resize resize_as set fill zero detach
detach_copy lift lift_fresh lift_fresh_copy alias_copy expand_copy permute_copy select_copy slice_copy split_copy
split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy
_reshape_copy _reshape_alias_copy as_strided_copy diagonal_copy _pack_padded_sequence _pad_packed_sequence pin_memory
_pin_memory combinations cartesian_prod vander block_diag _transform_bias_rescale_qkv _add_relu _fused_sdp_choice
_assert_async _functional_assert_async _assert_tensor_metadata _linalg_check_errors _assert_scalar sym_size sym_numel
sym_stride sym_storage_offset _debug_has_internal_overlap transpose squeeze unsqueeze t swapaxes swapdims view reshape
expand permute select slice as_strided narrow unfold movedim flatten ravel diagonal alias empty empty_like
empty_strided empty_permuted new_empty new_empty_strided zeros zeros_like new_zeros ones ones_like new_ones full
full_like new_full scalar_tensor arange linspace logspace eye range _efficientzerotensor rand rand_like randn
randn_like randint randint_like randperm bernoulli normal normal_functional uniform exponential multinomial random
log_normal cauchy geometric poisson binomial avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d _adaptive_avg_pool2d
_adaptive_avg_pool3d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
adaptive_max_pool3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool2d max_unpool3d fractional_max_pool2d fractional_max_pool3d upsample_nearest1d
upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa
_upsample_bicubic2d_aa grid_sampler_2d grid_sampler_3d _grid_sampler_2d_cpu_fallback affine_grid_generator mse_loss
nll_loss nll_loss_forward nll_loss2d_forward binary_cross_entropy binary_cross_entropy_with_logits smooth_l1_loss
huber_loss soft_margin_loss quantize_per_tensor quantize_per_tensor_dynamic quantize_per_channel dequantize int_repr
q_scale q_zero_point _choose_qparams_per_tensor choose_qparams_optimized fake_quantize_per_tensor_affine_cachemask
fake_quantize_per_channel_affine_cachemask _make_per_tensor_quantized_tensor _make_per_channel_quantized_tensor
_thnn_fused_lstm_cell _thnn_fused_gru_cell
"""
_GRADIENT_ENDS = ("_backward_data", "_backward", "_dense_backward")


@functools.lru_cache(maxsize=None)
def _cheap_names() -> FrozenSet[str]:
    return frozenset(_CHEAP.split())


def is_cheap(name: str) -> bool:
    """Whether an operator (as `short_name` gives it) costs little beside products; in place and its gradient, too."""
    base = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    for end in _GRADIENT_ENDS:
        if base.endswith(end):
            base = base[: -len(end)]
    if base.startswith("_foreach_"):
        base = base[len("_foreach_") :]
    return base in _cheap_names() or base.startswith("special_")


def short_name(operator: Any) -> str:
    """ "mm" of aten.mm.default; operators that are not torch's own keep their namespace: "quantized.linear"."""
    packet = str(getattr(operator, "overloadpacket", operator))
    return packet[len("aten.") :] if packet.startswith("aten.") else packet


def _elements(shape: Sequence[int]) -> int:
    return functools.reduce(lambda product, size: product * int(size), shape, 1)


def _of_first(arguments: Sequence[Any], _result: Any) -> int:
    """mv, dot: an element of the first operand takes part once."""
    return int(arguments[0].numel())


def _of_second(arguments: Sequence[Any], _result: Any) -> int:
    """addmv (beside, matrix, vector)."""
    return int(arguments[1].numel())


def _addbmm(arguments: Sequence[Any], _result: Any) -> int:
    """beside, [b, n, m], [b, m, p]."""
    return int(arguments[1].numel()) * int(arguments[2].shape[-1])


def _addr(arguments: Sequence[Any], _result: Any) -> int:
    return int(arguments[1].numel()) * int(arguments[2].numel())


def _trilinear(arguments: Sequence[Any], _result: Any) -> int:
    """One for each term of the sum, over the three factors as they are expanded."""
    shapes = []
    for factor, expanded in zip(arguments[:3], arguments[3:6]):
        shape = list(factor.shape)
        for place in sorted(expanded):
            shape.insert(place, 1)
        shapes.append(shape)
    return _elements([max(sizes) for sizes in zip(*shapes)])


def _by_width(arguments: Sequence[Any], result: Any) -> int:
    """Distances between rows: an element of the result takes the rows' width."""
    return int(result.numel()) * int(arguments[0].shape[-1])


def _linear(arguments: Sequence[Any], result: Any) -> int:
    """[..., k] to [..., n], whatever the weights are packed in."""
    return int(arguments[0].numel()) * int(result.shape[-1])


def _conv_tbc(arguments: Sequence[Any], result: Any) -> int:
    """The kernel is [k, in, out]."""
    return int(result.numel()) * int(arguments[1].shape[0]) * int(arguments[1].shape[1])


def _rnn_layer(arguments: Sequence[Any], _result: Any) -> int:
    """Input [t, b, in] (or batch first); both weights once a step and item."""
    return _elements(arguments[0].shape[:2]) * int(arguments[1].numel() + arguments[2].numel())


def _attention(arguments: Sequence[Any], _result: Any) -> int:
    """Queries [b, h, s, d], keys [b, h, t, d], values [b, h, t, e]."""
    query, key, value = arguments[:3]
    return _elements(query.shape[:3]) * int(key.shape[-2]) * int(query.shape[-1] + value.shape[-1])


Formula = Callable[[Sequence[Any], Any], int]
FORMULAS: Dict[str, Formula] = {
    "mv": _of_first,
    "dot": _of_first,
    "vdot": _of_first,
    "addmv": _of_second,
    "addmv_": _of_second,
    "addbmm": _addbmm,
    "addbmm_": _addbmm,
    "addr": _addr,
    "addr_": _addr,
    "addmm_": lambda arguments, result: _linear(arguments[1:], result),
    "baddbmm_": lambda arguments, result: _linear(arguments[1:], result),
    "_trilinear": _trilinear,
    "_cdist_forward": _by_width,
    "_euclidean_dist": _by_width,
    "_pdist_forward": _by_width,
    "linear": _linear,
    "_int_mm": _linear,
    "_weight_int8pack_mm": _linear,
    "_weight_int4pack_mm": _linear,
    "_weight_int4pack_mm_for_cpu": _linear,
    "mkldnn_linear": _linear,
    "mkl._mkl_linear": _linear,
    "mkldnn._linear_pointwise": _linear,
    "quantized.linear": _linear,
    "quantized.linear_relu": _linear,
    "quantized.linear_dynamic": _linear,
    "quantized.linear_dynamic_fp16": _linear,
    "quantized.linear_relu_dynamic": _linear,
    "conv_tbc": _conv_tbc,
    "mkldnn_rnn_layer": _rnn_layer,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}
