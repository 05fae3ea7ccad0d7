// CGSchNet with tabulated filters: energies and dE/dd of the replicas of a tile, in memory that stays in the cache.
//
// A bead's features are linear in the hidden layers of the blocks, x = x0 + sum_b W2_b h_b, so what later layers read of
// them, W0 x of each further block and the head's input, is one matrix of each h_b, multiplied out beforehand ("mix").
// Of block b,
//
//     m_i = sum_j W(d_ij) sent_j,   h = tanh(m U + bias),   read += h mix,   E = sum tanh(read of the head) head.
#pragma once

#include <vector>

#include "matrix.hpp"
#include "pairs.hpp"

namespace cgpipe {

// What Python hands over, rows padded to whole vectors. mixed = (n_blocks - 1) n_features + n_head.
template <typename T>
struct NetworkData {
    int n_blocks, n_features, n_head, n_knots;
    double cutoff;   // nm
    T* sent;         // (n_beads, n_features), what the beads send in the first block
    T* constant;     // (n_beads, mixed), what later layers read before any convolution
    T* tables;       // (n_blocks, n_knots, 2, n_features), W and spacing dW/dd
    T* update;       // (n_blocks, n_features, n_features), U
    T* update_bias;  // (n_blocks, n_features)
    T* mix;          // for each block b: (n_features, mixed - b n_features)
    T* head;         // (n_head), times the energy scale
};

template <typename T>
using Contacts = std::vector<std::vector<Contact<T>>>;

inline std::size_t area(int n_rows, int n_columns) { return static_cast<std::size_t>(n_rows) * n_columns; }

// One array (n_rows, n_columns) for each block.
template <typename T>
class Layers {
public:
    Layers(int n_blocks, int n_rows, int n_columns) : size_(area(n_rows, n_columns)), data_(n_blocks * size_) {}
    T* operator[](int block) { return data_.data() + block * size_; }
    const T* operator[](int block) const { return data_.data() + block * size_; }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    Buffer<T> data_;
};

// What one tile leaves behind on the way forward, and the derivatives of the energy on the way back.
template <typename T>
struct Workspace {
    Workspace(int n_rows, int n_blocks, int n_features, int mixed)
        : message(n_blocks, n_rows, n_features), hidden(n_blocks, n_rows, n_features),
          sum_gradient(n_blocks, n_rows, n_features), message_gradient(n_blocks, n_rows, n_features),
          read(area(n_rows, mixed)), read_gradient(area(n_rows, mixed)) {}
    Layers<T> message, hidden;
    Layers<T> sum_gradient;  // with respect to m U + bias
    Layers<T> message_gradient;
    Buffer<T> read, read_gradient;
};

template <typename T>
class Network {
public:
    Network(const NetworkData<T>& data, int n_beads)
        : n_blocks(data.n_blocks), n_features(data.n_features), n_head(data.n_head),
          mixed((data.n_blocks - 1) * data.n_features + data.n_head), n_knots(data.n_knots), n_beads(n_beads),
          cutoff(static_cast<T>(data.cutoff)), sent_(data.sent, area(n_beads, n_features)),
          constant_(data.constant, area(n_beads, mixed)), tables_(data.tables, area(n_blocks, n_knots) * 2 * n_features),
          update_bias_(data.update_bias, area(n_blocks, n_features)), head_(data.head, data.n_head) {
        const T* mix = data.mix;
        for (int block = 0; block < n_blocks; ++block) {
            const T* update = data.update + area(block, n_features) * n_features;
            update_.emplace_back(update, n_features, n_features);
            update_back_.push_back(transposed(update, n_features, n_features));
            mix_.emplace_back(mix, n_features, width(block));
            mix_back_.push_back(transposed(mix, n_features, width(block)));
            mix += area(n_features, width(block));
        }
    }

    // Adds weight times the energies, and dE/dd to the pairs. contacts: those of each replica.
    void evaluate(int n_replicas, const Contacts<T>& contacts, T weight, Workspace<T>& work, T* energy,
                  std::vector<Pairs<T>>& pairs) const {
        forward(n_replicas, contacts, weight, work, energy);
        backward(n_replicas, contacts, work, pairs);
    }

    const int n_blocks, n_features, n_head, mixed, n_knots, n_beads;
    const T cutoff;

protected:
    // Columns that the hidden layer of a block is mixed into.
    int width(int block) const { return mixed - block * n_features; }

    // What the beads of a replica send in a block, and the stride of its rows; reads: those of the tile.
    const T* sent(const Buffer<T>& reads, int block, int replica) const {
        return block == 0 ? sent_.data() : reads.data() + area(replica * n_beads, mixed) + (block - 1) * n_features;
    }

    int sent_stride(int block) const { return block == 0 ? n_features : mixed; }

    std::size_t knot(int block, const Contact<T>& contact) const {
        return (area(block, n_knots) + contact.knot) * 2 * n_features;
    }

    Vector<T> interpolate(const T* knot, const T* weights) const {
        return weights[0] * vector_at(knot) + weights[1] * vector_at(knot + n_features) +
               weights[2] * vector_at(knot + 2 * n_features) + weights[3] * vector_at(knot + 3 * n_features);
    }

    // received_i += W sent_j and received_j += W sent_i.
    void exchange(const Contact<T>& contact, const T* knot, const T* sent, int sent_stride, T* received,
                  int received_stride) const {
        const T *sent_i = sent + area(contact.first, sent_stride), *sent_j = sent + area(contact.second, sent_stride);
        T *received_i = received + area(contact.first, received_stride);
        T *received_j = received + area(contact.second, received_stride);
        for (int k = 0; k < n_features; k += lanes<T>) {
            const Vector<T> filter = interpolate(knot + k, contact.value);
            vector_at(received_i + k) += filter * vector_at(sent_j + k);
            vector_at(received_j + k) += filter * vector_at(sent_i + k);
        }
    }

    Buffer<T> sent_, constant_, tables_, update_bias_, head_;
    std::vector<Matrix<T>> update_, update_back_, mix_, mix_back_;

private:
    static Matrix<T> transposed(const T* source, int n_rows, int n_columns) {
        Buffer<T> turned(area(n_rows, n_columns));
        for (int row = 0; row < n_rows; ++row)
            for (int column = 0; column < n_columns; ++column)
                turned[area(column, n_rows) + row] = source[area(row, n_columns) + column];
        return Matrix<T>(turned.data(), n_columns, n_rows);
    }

    void forward(int n_replicas, const Contacts<T>& contacts, T weight, Workspace<T>& work, T* energy) const {
        const int n_rows = n_replicas * n_beads;
        for (int replica = 0; replica < n_replicas; ++replica)
            std::copy_n(constant_.data(), area(n_beads, mixed), work.read.data() + area(replica * n_beads, mixed));
        for (int block = 0; block < n_blocks; ++block) {
            T *message = work.message[block], *hidden = work.hidden[block];
            std::fill_n(message, area(n_rows, n_features), T(0));
            for (int replica = 0; replica < n_replicas; ++replica)
                for (const Contact<T>& contact : contacts[replica])
                    exchange(contact, tables_.data() + knot(block, contact), sent(work.read, block, replica),
                             sent_stride(block), message + area(replica * n_beads, n_features), n_features);
            for (int r = 0; r < n_rows; ++r)
                std::copy_n(update_bias_.data() + area(block, n_features), n_features, hidden + area(r, n_features));
            update_[block].multiply_add(n_rows, message, n_features, hidden, n_features);
            for (std::size_t k = 0; k < area(n_rows, n_features); k += lanes<T>)
                vector_at(hidden + k) = tanh<T>(vector_at(hidden + k));
            mix_[block].multiply_add(n_rows, hidden, n_features, work.read.data() + block * n_features, mixed);
        }
        for (int replica = 0; replica < n_replicas; ++replica) energy[replica] += weight * head(replica, weight, work);
    }

    // Energy of a replica; dE/dread of the head, and zero for what the blocks send.
    T head(int replica, T weight, Workspace<T>& work) const {
        Vector<T> total{};
        for (int r = replica * n_beads; r < (replica + 1) * n_beads; ++r) {
            const T* input = work.read.data() + area(r, mixed) + mixed - n_head;
            T* gradient = work.read_gradient.data() + area(r, mixed);
            std::fill_n(gradient, mixed - n_head, T(0));
            gradient += mixed - n_head;
            for (int k = 0; k < n_head; k += lanes<T>) {
                const Vector<T> activation = tanh<T>(vector_at(input + k)), outer = vector_at(head_.data() + k);
                total += activation * outer;
                vector_at(gradient + k) = weight * outer * (T(1) - activation * activation);
            }
        }
        return sum<T>(total);
    }

    void backward(int n_replicas, const Contacts<T>& contacts, Workspace<T>& work, std::vector<Pairs<T>>& pairs) const {
        const int n_rows = n_replicas * n_beads;
        for (int block = n_blocks - 1; block >= 0; --block) {
            const T* hidden = work.hidden[block];
            T *before = work.sum_gradient[block], *message = work.message_gradient[block];
            std::fill_n(before, area(n_rows, n_features), T(0));
            mix_back_[block].multiply_add(n_rows, work.read_gradient.data() + block * n_features, mixed, before,
                                          n_features);
            for (std::size_t k = 0; k < area(n_rows, n_features); k += lanes<T>)
                vector_at(before + k) *= T(1) - vector_at(hidden + k) * vector_at(hidden + k);
            std::fill_n(message, area(n_rows, n_features), T(0));
            update_back_[block].multiply_add(n_rows, before, n_features, message, n_features);
            for (int replica = 0; replica < n_replicas; ++replica) {
                const T* pulled = message + area(replica * n_beads, n_features);
                T* gradient = work.read_gradient.data() + area(replica * n_beads, mixed) + (block - 1) * n_features;
                for (const Contact<T>& contact : contacts[replica]) {
                    const T* row = tables_.data() + knot(block, contact);
                    // what the first block sends does not depend on the positions
                    pairs[replica].gradient[contact.pair] +=
                        block == 0 ? tension<false>(contact, row, sent_.data(), n_features, pulled, nullptr)
                                   : tension<true>(contact, row, sent(work.read, block, replica), mixed, pulled, gradient);
                }
            }
        }
    }

    // dE/dd by the filter of one block, given dE/dmessage; adds dE/dsent to the gradient where that is wanted.
    template <bool WithSenders>
    T tension(const Contact<T>& contact, const T* knot, const T* sent, int sent_stride, const T* pulled,
              T* gradient) const {
        T *gradient_i = nullptr, *gradient_j = nullptr;
        if (WithSenders) {
            gradient_i = gradient + area(contact.first, mixed);
            gradient_j = gradient + area(contact.second, mixed);
        }
        const T *sent_i = sent + area(contact.first, sent_stride), *sent_j = sent + area(contact.second, sent_stride);
        const T *pulled_i = pulled + area(contact.first, n_features);
        const T *pulled_j = pulled + area(contact.second, n_features);
        Vector<T> total{};
        for (int k = 0; k < n_features; k += lanes<T>) {
            const Vector<T> at_i = vector_at(pulled_i + k), at_j = vector_at(pulled_j + k);
            const Vector<T> product = at_i * vector_at(sent_j + k) + at_j * vector_at(sent_i + k);
            total += interpolate(knot + k, contact.slope) * product;
            if (WithSenders) {
                const Vector<T> filter = interpolate(knot + k, contact.value);
                vector_at(gradient_i + k) += filter * at_j;
                vector_at(gradient_j + k) += filter * at_i;
            }
        }
        return sum<T>(total);
    }
};

}  // namespace cgpipe
