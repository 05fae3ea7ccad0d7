// CGSchNet with tabulated filters: energies and dE/dd of the replicas of a tile, in memory that stays in the cache.
//
// A bead's features are linear in the hidden layers of the blocks, x = x0 + sum_b W2_b h_b, so what later layers read of
// them, W0 x of each further block and the head's input, is one matrix of each h_b, multiplied out beforehand ("mixed").
#pragma once

#include <vector>

#include "matrix.hpp"
#include "pairs.hpp"

namespace cgpipe {

// What Python hands over, rows padded to whole vectors; the arrays are copied. mixed = (n_blocks - 1) n_features + n_head.
template <typename T>
struct NetworkData {
    int n_blocks, n_features, n_head, n_knots;
    double cutoff;              // nm
    const T* sent;              // (n_beads, n_features), what the beads send in the first block
    const T* constant;          // (n_beads, mixed), what later layers read before any convolution
    const T* tables;            // (n_blocks, n_knots, 2, n_features), W and spacing dW/dd
    const T* update;            // (n_blocks, n_features, n_features), message to hidden
    const T* update_bias;       // (n_blocks, n_features)
    const T* mix;               // for each block b: (n_features, mixed - b n_features), hidden to later layers
    const T* head;              // (n_head), times the energy scale
};

// Arrays of one tile, reused from step to step.
template <typename T>
struct Workspace {
    Workspace(int n_rows, int n_blocks, int n_features, int mixed)
        : message(static_cast<std::size_t>(n_rows) * n_features),
          hidden(static_cast<std::size_t>(n_rows) * n_features * n_blocks),
          read(static_cast<std::size_t>(n_rows) * mixed), read_gradient(static_cast<std::size_t>(n_rows) * mixed),
          hidden_gradient(static_cast<std::size_t>(n_rows) * n_features) {}
    Buffer<T> message, hidden, read, read_gradient, hidden_gradient;
};

template <typename T>
class Network {
public:
    Network(const NetworkData<T>& data, int n_beads)
        : n_blocks(data.n_blocks), n_features(data.n_features), mixed((data.n_blocks - 1) * data.n_features + data.n_head),
          n_knots(data.n_knots), cutoff(static_cast<T>(data.cutoff)), n_beads_(n_beads), n_head_(data.n_head),
          sent_(data.sent, size(n_beads, n_features)), constant_(data.constant, size(n_beads, mixed)),
          tables_(data.tables, size(n_blocks, n_knots) * 2 * n_features),
          update_bias_(data.update_bias, size(n_blocks, n_features)), head_(data.head, data.n_head) {
        const T* mix = data.mix;
        for (int block = 0; block < n_blocks; ++block) {
            const int width = mixed - block * n_features;
            const T* update = data.update + size(block, n_features) * n_features;
            update_.emplace_back(update, n_features, n_features);
            update_back_.push_back(transposed(update, n_features, n_features));
            mix_.emplace_back(mix, n_features, width);
            mix_back_.push_back(transposed(mix, n_features, width));
            mix += size(n_features, width);
        }
    }

    // Adds weight times the energies, and dE/dd to the pairs. contacts: those of each replica.
    void evaluate(int n_replicas, const std::vector<std::vector<Contact<T>>>& contacts, T weight, Workspace<T>& work,
                  T* energy, std::vector<Pairs<T>>& pairs) const {
        forward(n_replicas, contacts, weight, work, energy);
        backward(n_replicas, contacts, work, pairs);
    }

    const int n_blocks, n_features, mixed, n_knots;
    const T cutoff;

private:
    static std::size_t size(int n_rows, int n_columns) { return static_cast<std::size_t>(n_rows) * n_columns; }

    static Matrix<T> transposed(const T* source, int n_rows, int n_columns) {
        Buffer<T> turned(size(n_rows, n_columns));
        for (int row = 0; row < n_rows; ++row)
            for (int column = 0; column < n_columns; ++column)
                turned[size(column, n_rows) + row] = source[size(row, n_columns) + column];
        return Matrix<T>(turned.data(), n_columns, n_rows);
    }

    // What the beads of a replica send in a block, and the stride of its rows.
    const T* sent(const Workspace<T>& work, int block, int replica) const {
        if (block == 0) return sent_.data();
        return work.read.data() + size(replica * n_beads_, mixed) + size(block - 1, n_features);
    }

    int sent_stride(int block) const { return block == 0 ? n_features : mixed; }

    const T* row(int block, const Contact<T>& contact) const {
        return tables_.data() + (size(block, n_knots) + contact.knot) * 2 * n_features;
    }

    void forward(int n_replicas, const std::vector<std::vector<Contact<T>>>& contacts, T weight, Workspace<T>& work,
                 T* energy) const {
        const int n_rows = n_replicas * n_beads_;
        for (int replica = 0; replica < n_replicas; ++replica)
            std::copy_n(constant_.data(), size(n_beads_, mixed), work.read.data() + size(replica * n_beads_, mixed));
        for (int block = 0; block < n_blocks; ++block) {
            std::fill_n(work.message.data(), size(n_rows, n_features), T(0));
            for (int replica = 0; replica < n_replicas; ++replica)
                for (const Contact<T>& contact : contacts[replica])
                    exchange(contact, row(block, contact), sent(work, block, replica), sent_stride(block),
                             work.message.data() + size(replica * n_beads_, n_features), n_features);
            T* hidden = work.hidden.data() + size(block * n_rows, n_features);
            for (int r = 0; r < n_rows; ++r)
                std::copy_n(update_bias_.data() + size(block, n_features), n_features, hidden + size(r, n_features));
            update_[block].multiply_add(n_rows, work.message.data(), n_features, hidden, n_features);
            for (std::size_t k = 0; k < size(n_rows, n_features); k += lanes<T>)
                vector_at(hidden + k) = tanh<T>(vector_at(hidden + k));
            mix_[block].multiply_add(n_rows, hidden, n_features, work.read.data() + block * n_features, mixed);
        }
        for (int replica = 0; replica < n_replicas; ++replica) energy[replica] += weight * head(replica, weight, work);
    }

    // Energy of a replica; dE/dread of the head, and zero for what the blocks send.
    T head(int replica, T weight, Workspace<T>& work) const {
        Vector<T> total{};
        for (int r = replica * n_beads_; r < (replica + 1) * n_beads_; ++r) {
            const T* input = work.read.data() + size(r, mixed) + mixed - n_head_;
            T* gradient = work.read_gradient.data() + size(r, mixed);
            std::fill_n(gradient, mixed - n_head_, T(0));
            gradient += mixed - n_head_;
            for (int k = 0; k < n_head_; k += lanes<T>) {
                const Vector<T> activation = tanh<T>(vector_at(input + k)), outer = vector_at(head_.data() + k);
                total += activation * outer;
                vector_at(gradient + k) = weight * outer * (T(1) - activation * activation);
            }
        }
        return sum<T>(total);
    }

    void backward(int n_replicas, const std::vector<std::vector<Contact<T>>>& contacts, Workspace<T>& work,
                  std::vector<Pairs<T>>& pairs) const {
        const int n_rows = n_replicas * n_beads_;
        for (int block = n_blocks - 1; block >= 0; --block) {
            const T* hidden = work.hidden.data() + size(block * n_rows, n_features);
            T *before = work.hidden_gradient.data(), *message = work.message.data();
            std::fill_n(before, size(n_rows, n_features), T(0));
            mix_back_[block].multiply_add(n_rows, work.read_gradient.data() + block * n_features, mixed, before,
                                          n_features);
            for (std::size_t k = 0; k < size(n_rows, n_features); k += lanes<T>)
                vector_at(before + k) *= T(1) - vector_at(hidden + k) * vector_at(hidden + k);
            std::fill_n(message, size(n_rows, n_features), T(0));
            update_back_[block].multiply_add(n_rows, before, n_features, message, n_features);
            for (int replica = 0; replica < n_replicas; ++replica) {
                const T* pulled = message + size(replica * n_beads_, n_features);
                for (const Contact<T>& contact : contacts[replica])
                    pairs[replica].gradient[contact.pair] += tension(
                        contact, row(block, contact), sent(work, block, replica), sent_stride(block), pulled);
                if (block == 0) continue;  // what the first block sends does not depend on the positions
                T* gradient = work.read_gradient.data() + size(replica * n_beads_, mixed) + size(block - 1, n_features);
                for (const Contact<T>& contact : contacts[replica])
                    exchange(contact, row(block, contact), pulled, n_features, gradient, mixed);
            }
        }
    }

    // received_i += W sent_j and received_j += W sent_i.
    void exchange(const Contact<T>& contact, const T* knot, const T* sent, int sent_stride, T* received,
                  int received_stride) const {
        const T *sent_i = sent + size(contact.first, sent_stride), *sent_j = sent + size(contact.second, sent_stride);
        T *received_i = received + size(contact.first, received_stride);
        T *received_j = received + size(contact.second, received_stride);
        for (int k = 0; k < n_features; k += lanes<T>) {
            const Vector<T> filter = interpolate(knot + k, contact.value);
            vector_at(received_i + k) += filter * vector_at(sent_j + k);
            vector_at(received_j + k) += filter * vector_at(sent_i + k);
        }
    }

    // dE/dd by the filter of one block, given dE/dmessage.
    T tension(const Contact<T>& contact, const T* knot, const T* sent, int sent_stride, const T* pulled) const {
        const T *sent_i = sent + size(contact.first, sent_stride), *sent_j = sent + size(contact.second, sent_stride);
        const T *pulled_i = pulled + size(contact.first, n_features);
        const T *pulled_j = pulled + size(contact.second, n_features);
        Vector<T> total{};
        for (int k = 0; k < n_features; k += lanes<T>) {
            const Vector<T> product = vector_at(pulled_i + k) * vector_at(sent_j + k) +
                                      vector_at(pulled_j + k) * vector_at(sent_i + k);
            total += interpolate(knot + k, contact.slope) * product;
        }
        return sum<T>(total);
    }

    Vector<T> interpolate(const T* knot, const T* weights) const {
        return weights[0] * vector_at(knot) + weights[1] * vector_at(knot + n_features) +
               weights[2] * vector_at(knot + 2 * n_features) + weights[3] * vector_at(knot + 3 * n_features);
    }

    const int n_beads_, n_head_;
    Buffer<T> sent_, constant_, tables_, update_bias_, head_;
    std::vector<Matrix<T>> update_, update_back_, mix_, mix_back_;
};

}  // namespace cgpipe
