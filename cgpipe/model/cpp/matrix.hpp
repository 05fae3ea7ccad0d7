// Products of a few rows with a packed matrix, each element summed in one order whatever the number of rows.
#pragma once

#include <algorithm>

#include "vectors.hpp"

namespace cgpipe {

// A matrix (n_rows, n_columns) stored panel after panel of a few vectors of columns, each panel row after row, so that
// a panel lies in the innermost cache without gaps. n_columns is a multiple of the vector's lanes.
template <typename T>
class Matrix {
public:
    static constexpr int panel_vectors = CGPIPE_VECTOR_BYTES == 64 ? 4 : 2;  // accumulators fit in the registers
    static constexpr int panel_rows = 6;

    Matrix() = default;
    Matrix(const T* source, int n_rows, int n_columns)
        : n_rows(n_rows), n_columns(n_columns), packed_(static_cast<std::size_t>(n_rows) * n_columns) {
        for (int first = 0; first < n_columns; first += panel_width) {
            const int width = std::min(panel_width, n_columns - first);
            T* panel = packed_.data() + static_cast<std::size_t>(first) * n_rows;
            for (int row = 0; row < n_rows; ++row)
                std::copy_n(source + static_cast<std::size_t>(row) * n_columns + first, width, panel + row * width);
        }
    }

    // result += left times the matrix; left is (n, n_rows) and result (n, n_columns), with the given row strides.
    void multiply_add(int n, const T* left, int left_stride, T* result, int result_stride) const {
        for (int first = 0; first < n_columns; first += panel_width) {
            const T* panel = packed_.data() + static_cast<std::size_t>(first) * n_rows;
            const int vectors = std::min(panel_width, n_columns - first) / lanes<T>;
            for (int row = 0; row < n; row += panel_rows)
                block(std::min(panel_rows, n - row), vectors, left + static_cast<std::size_t>(row) * left_stride,
                      left_stride, panel, result + static_cast<std::size_t>(row) * result_stride + first,
                      result_stride);
        }
    }

    int n_rows = 0;
    int n_columns = 0;

private:
    static constexpr int panel_width = panel_vectors * lanes<T>;

    template <int Rows, int Columns>
    void accumulate(const T* left, int left_stride, const T* panel, T* result, int result_stride) const {
        Vector<T> sums[Rows][Columns];
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c) sums[r][c] = vector_at(result + r * result_stride + c * lanes<T>);
        for (int k = 0; k < n_rows; ++k, panel += Columns * lanes<T>)
            for (int r = 0; r < Rows; ++r)
                for (int c = 0; c < Columns; ++c)
                    sums[r][c] += left[r * left_stride + k] * vector_at(panel + c * lanes<T>);
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c) vector_at(result + r * result_stride + c * lanes<T>) = sums[r][c];
    }

    template <int Rows>
    void block_of(int vectors, const T* left, int left_stride, const T* panel, T* result, int result_stride) const {
        switch (vectors) {
            case 1: return accumulate<Rows, 1>(left, left_stride, panel, result, result_stride);
            case 2: return accumulate<Rows, 2>(left, left_stride, panel, result, result_stride);
            case 3: return accumulate<Rows, 3>(left, left_stride, panel, result, result_stride);
            default: return accumulate<Rows, panel_vectors>(left, left_stride, panel, result, result_stride);
        }
    }

    void block(int rows, int vectors, const T* left, int left_stride, const T* panel, T* result,
               int result_stride) const {
        switch (rows) {
            case 1: return block_of<1>(vectors, left, left_stride, panel, result, result_stride);
            case 2: return block_of<2>(vectors, left, left_stride, panel, result, result_stride);
            case 3: return block_of<3>(vectors, left, left_stride, panel, result, result_stride);
            case 4: return block_of<4>(vectors, left, left_stride, panel, result, result_stride);
            case 5: return block_of<5>(vectors, left, left_stride, panel, result, result_stride);
            default: return block_of<panel_rows>(vectors, left, left_stride, panel, result, result_stride);
        }
    }

    Buffer<T> packed_;
};

// result (n_left, n_right), rows side by side, += left^T right; left is (n, n_left), right (n, n_right), by their strides.
template <typename T>
class OuterProduct {
public:
    static void add(int n, const T* left, int left_stride, int n_left, const T* right, int right_stride, int n_right,
                    T* result) {
        for (int column = 0; column < n_right; column += width)
            for (int row = 0; row < n_left; row += rows) {
                T* place = result + static_cast<std::size_t>(row) * n_right + column;
                if (n_right - column >= width && n_left - row >= rows)
                    block<rows, vectors>(n, left + row, left_stride, right + column, right_stride, place, n_right);
                else
                    edge(n, left + row, left_stride, std::min(rows, n_left - row), right + column, right_stride,
                         std::min(width, n_right - column) / lanes<T>, place, n_right);
            }
    }

private:
    static constexpr int vectors = Matrix<T>::panel_vectors, rows = 4, width = vectors * lanes<T>;

    template <int Rows, int Columns>
    static void block(int n, const T* left, int left_stride, const T* right, int right_stride, T* result, int stride) {
        Vector<T> sums[Rows][Columns];
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c) sums[r][c] = vector_at(result + r * stride + c * lanes<T>);
        for (int k = 0; k < n; ++k, left += left_stride, right += right_stride)
            for (int r = 0; r < Rows; ++r)
                for (int c = 0; c < Columns; ++c) sums[r][c] += left[r] * vector_at(right + c * lanes<T>);
        for (int r = 0; r < Rows; ++r)
            for (int c = 0; c < Columns; ++c) vector_at(result + r * stride + c * lanes<T>) = sums[r][c];
    }

    static void edge(int n, const T* left, int left_stride, int n_rows, const T* right, int right_stride, int n_vectors,
                     T* result, int stride) {
        for (int r = 0; r < n_rows; ++r)
            for (int c = 0; c < n_vectors; ++c)
                block<1, 1>(n, left + r, left_stride, right + c * lanes<T>, right_stride,
                            result + r * stride + c * lanes<T>, stride);
    }
};

}  // namespace cgpipe
