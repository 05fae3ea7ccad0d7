// Vectors of the widest kind that the compiler was told to use, and tanh on them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__AVX512F__)
#define CGPIPE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define CGPIPE_VECTOR_BYTES 32
#else
#define CGPIPE_VECTOR_BYTES 16
#endif

namespace cgpipe {

template <typename T>
struct Vectors;

template <>
struct Vectors<float> {
    typedef float Type __attribute__((vector_size(CGPIPE_VECTOR_BYTES)));
    typedef std::int32_t Integers __attribute__((vector_size(CGPIPE_VECTOR_BYTES)));
    static constexpr int mantissa_bits = 23;
    static constexpr float rounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
    static constexpr int expm1_degree = 7;
};

template <>
struct Vectors<double> {
    typedef double Type __attribute__((vector_size(CGPIPE_VECTOR_BYTES)));
    typedef std::int64_t Integers __attribute__((vector_size(CGPIPE_VECTOR_BYTES)));
    static constexpr int mantissa_bits = 52;
    static constexpr double rounder = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr int expm1_degree = 13;
};

template <typename T>
using Vector = typename Vectors<T>::Type;

template <typename T>
constexpr int lanes = CGPIPE_VECTOR_BYTES / sizeof(T);

// Arrays whose rows are whole vectors, aligned to them.
template <typename T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t size) : data_(allocate(size)), size_(size) { clear(); }
    Buffer(const T* source, std::size_t size) : Buffer(size) { std::memcpy(data(), source, size * sizeof(T)); }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    T& operator[](std::size_t k) { return data_[k]; }
    const T& operator[](std::size_t k) const { return data_[k]; }
    std::size_t size() const { return size_; }
    void clear() { std::memset(static_cast<void*>(data_.get()), 0, size_ * sizeof(T)); }

private:
    struct Release {
        void operator()(T* memory) const { std::free(memory); }
    };
    static T* allocate(std::size_t size) {
        const std::size_t bytes = (size * sizeof(T) + 63) / 64 * 64;
        void* memory = std::aligned_alloc(64, bytes ? bytes : 64);
        if (!memory) throw std::bad_alloc();
        return static_cast<T*>(memory);
    }
    std::unique_ptr<T[], Release> data_;
    std::size_t size_ = 0;
};

template <typename T>
inline Vector<T>& vector_at(T* place) {
    return *reinterpret_cast<Vector<T>*>(place);
}

template <typename T>
inline const Vector<T>& vector_at(const T* place) {
    return *reinterpret_cast<const Vector<T>*>(place);
}

template <typename T>
inline T sum(Vector<T> vector) {
    T total = 0;
    for (int lane = 0; lane < lanes<T>; ++lane) total += vector[lane];
    return total;
}

// exp(x) - 1 for -40 <= x <= 0: x = n ln 2 + r, and the Taylor series of r, |r| <= ln 2 / 2.
template <typename T>
inline Vector<T> expm1_negative(Vector<T> x) {
    using V = Vector<T>;
    using I = typename Vectors<T>::Integers;
    constexpr T ln2_high = sizeof(T) == 4 ? T(0.693359375) : T(0.69314718036912381649);
    constexpr T ln2_low = sizeof(T) == 4 ? T(-2.12194440054690581e-4) : T(1.90821492927058770e-10);
    const V shifted = x * T(1.4426950408889634074) + Vectors<T>::rounder;
    const V n = shifted - Vectors<T>::rounder;
    const V r = (x - n * ln2_high) - n * ln2_low;
    V series = r * T(0) + T(1);
    for (int k = Vectors<T>::expm1_degree; k > 1; --k) series = T(1) + series * r * (T(1) / T(k));
    const V rounder = V{} + Vectors<T>::rounder;
    const V one = V{} + T(1);
    const V power = (V)((I)one + (((I)shifted - (I)rounder) << Vectors<T>::mantissa_bits));  // 2^n
    return power * (series * r) + (power - T(1));
}

// tanh(x) = -expm1(-2|x|) / (expm1(-2|x|) + 2) with the sign of x; it is 1 in double precision beyond 20. NaN stays.
template <typename T>
inline Vector<T> tanh(Vector<T> x) {
    using V = Vector<T>;
    const V size = x < 0 ? -x : x;
    const V bounded = size > T(20) ? V{} + T(20) : size;
    const V shrunk = expm1_negative<T>(bounded * T(-2));
    const V result = -shrunk / (shrunk + T(2));
    return x < 0 ? -result : result;
}

}  // namespace cgpipe
