// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/packed_matrix.hpp — a weight matrix in panels, the layout that the product reads.  [floor 4]
//
//     W [out, in]   →   panels [⌈out / P⌉][in][P],      P = nr_vectors · lanes
//
// One panel holds P rows of W (P outputs), column after column, so that the product streams it from front to back and
// each SIMD lane computes one output: nothing is ever summed across lanes.
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/contracts.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/kernels/gemm/weight_storage.hpp>
#include <mamba/kernels/quantization/formats.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/view.hpp>

#include <concepts>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::kernels {

template <class W>
struct arithmetic_of {
  using type = float;
};
template <>
struct arithmetic_of<double> {
  using type = double;
};

/// The type that a storage format is multiplied in: double for double, float for all others.
template <class W>
using arithmetic = typename arithmetic_of<W>::type;

namespace detail {

/// ⌈n / size⌉ where n is known to the compiler, dynamic otherwise.
[[nodiscard]] constexpr std::size_t static_pieces(std::size_t n, std::size_t size) noexcept {
  return n == dynamic ? dynamic : n / size + (n % size != 0 ? 1 : 0);
}

}  // namespace detail

/// A matrix of `out` rows and `in` columns in the storage format W (float, double, float16 or bfloat16), packed
/// into panels. Block formats have a layout of their own, kernels/quantization/quantized_matrix.hpp.
///
/// Why:     packed once, when a model is loaded; one layout serves any number of tokens. Memory is the storage policy:
///          writable_memory or constant_memory.
/// Shapes:  any; rows beyond `out` in the last panel are zero.
/// Throws:  std::bad_alloc.
template <class W, std::size_t Out = dynamic, std::size_t In = dynamic, class Memory = writable_memory>
class packed_matrix {
  static_assert(!block_format<W>,
                "packed_matrix: block formats need <mamba/kernels/quantization/quantized_matrix.hpp>");

 public:
  using storage_format = W;
  using scalar = arithmetic<W>;
  using batch = simd::batch<scalar>;
  using element = W;  ///< what panels consist of
  static constexpr std::size_t panel_vectors = blocking::nr_vectors;
  static constexpr std::size_t panel = panel_vectors * simd::lanes<scalar>;
  using storage_type = typename Memory::template storage<W, static_product(detail::static_pieces(Out, panel),
                                                                           static_product(In, panel))>;

  constexpr packed_matrix() : packed_matrix(extents<Out, In>{}) {}
  constexpr packed_matrix(std::size_t out, std::size_t in) : packed_matrix(extents<Out, In>(out, in)) {}
  constexpr explicit packed_matrix(extents<Out, In> shape)
      : shape_(shape), storage_(saturated_product(saturated_product(panels(), in()), panel)) {}

  [[nodiscard]] constexpr std::size_t out() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] constexpr std::size_t in() const noexcept { return shape_.template get<1>(); }
  [[nodiscard]] constexpr std::size_t panels() const noexcept { return panels_of(out()); }
  /// Panels that the first `outputs` outputs lie in.
  [[nodiscard]] static constexpr std::size_t panels_of(std::size_t outputs) noexcept {
    return outputs / panel + (outputs % panel != 0 ? 1 : 0);
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return storage_.size() == 0; }
  /// Bytes of storage, all of which a product reads.
  [[nodiscard]] constexpr std::size_t bytes() const noexcept { return storage_.size() * sizeof(W); }

  /// Panel p: in() columns of `panel` weights each.
  [[nodiscard]] W const* panel_data(std::size_t p) const noexcept { return storage_.data() + p * in() * panel; }

  /// The contiguous panels: to borrow() them, or to write them to a file.
  [[nodiscard]] constexpr storage_type& storage() noexcept { return storage_; }
  [[nodiscard]] constexpr storage_type const& storage() const noexcept { return storage_; }

  [[nodiscard]] constexpr std::size_t rows() const noexcept { return out(); }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept { return in(); }

  /// Row r of W from plain numbers, rounded to the storage format.
  void set_row(std::size_t r, std::span<scalar const> values) noexcept(!core::contracts_checked)
    requires std::same_as<Memory, writable_memory>
  {
    MAMBA_EXPECTS(!storage_.borrowed(), "packed_matrix: borrowed panels are read-only");
    MAMBA_EXPECTS(r < out(), "packed_matrix: no such row", r, out());
    MAMBA_EXPECTS(values.size() == in(), "packed_matrix: a row has in() values", values.size(), in());
    if (values.empty()) return;
    W* const p = storage_.writable() + r / panel * in() * panel + r % panel;
    for (std::size_t k = 0; k < values.size(); ++k) p[k * panel] = W(values[k]);
  }

  /// Row r of W as set_row stored it, converted to the arithmetic type.
  void get_row(std::size_t r, std::span<scalar> values) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(r < out(), "packed_matrix: no such row", r, out());
    MAMBA_EXPECTS(values.size() == in(), "packed_matrix: a row has in() values", values.size(), in());
    if (values.empty()) return;
    W const* const p = storage_.data() + r / panel * in() * panel + r % panel;
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<scalar>(p[k * panel]);
  }

 private:
  extents<Out, In> shape_;
  storage_type storage_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
