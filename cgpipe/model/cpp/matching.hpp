// Force matching: the loss of a batch and its derivatives with respect to everything in NetworkData.
//
// The loss L of the forces depends on the parameters through g = dE/dd of each pair. With gamma = dL/dg held fixed, the
// derivatives of L are those of S = sum gamma g, the change of E when the distances move by gamma. So after the forces
// the tile goes forward once more, now with the changes ("dot"), and back once more with the derivatives of S ("hat").
// S is linear in the changes, so its derivatives with respect to them are those of the energy, known already.
#pragma once

#include "network.hpp"

namespace cgpipe {

// Derivatives, in the shapes of NetworkData.
template <typename T>
struct Gradients {
    explicit Gradients(const Network<T>& n)
        : sent(area(n.n_beads, n.n_features)), constant(area(n.n_beads, n.mixed)),
          tables(area(n.n_blocks, n.n_knots) * 2 * n.n_features), update(area(n.n_blocks * n.n_features, n.n_features)),
          update_bias(area(n.n_blocks, n.n_features)), mix(mix_size(n)), head(n.n_head) {}

    static std::size_t mix_size(const Network<T>& n) {
        std::size_t size = 0;
        for (int block = 0; block < n.n_blocks; ++block) size += area(n.n_features, n.mixed - block * n.n_features);
        return size;
    }

    void add_to(const NetworkData<T>& data) const {
        add(sent, data.sent);
        add(constant, data.constant);
        add(tables, data.tables);
        add(update, data.update);
        add(update_bias, data.update_bias);
        add(mix, data.mix);
        add(head, data.head);
    }

    Buffer<T> sent, constant, tables, update, update_bias, mix, head;

private:
    static void add(const Buffer<T>& source, T* target) {
        for (std::size_t k = 0; k < source.size(); ++k) target[k] += source[k];
    }
};

// Changes of a tile when its distances move, and derivatives of S.
template <typename T>
struct MatchingWorkspace {
    MatchingWorkspace(int n_rows, int n_blocks, int n_features, int mixed)
        : message_dot(n_blocks, n_rows, n_features), sum_dot(n_blocks, n_rows, n_features),
          hidden_dot(n_blocks, n_rows, n_features), read_dot(area(n_rows, mixed)), read_hat(area(n_rows, mixed)),
          sum_hat(area(n_rows, n_features)), message_hat(area(n_rows, n_features)) {}
    Layers<T> message_dot, sum_dot, hidden_dot;
    Buffer<T> read_dot, read_hat, sum_hat, message_hat;
};

template <typename T>
class Matching : public Network<T> {
public:
    using Network<T>::Network;

    // Adds the derivatives of S for a tile that `evaluate` has left in work; gamma: of each contact of each frame.
    void differentiate(int n_frames, const Contacts<T>& contacts, const std::vector<std::vector<T>>& gamma,
                       const Workspace<T>& work, MatchingWorkspace<T>& more, Gradients<T>& gradients) const {
        move(n_frames, contacts, gamma, work, more);
        head_back(n_frames, work, more, gradients);
        std::size_t mix_place = gradients.mix.size();
        for (int block = this->n_blocks - 1; block >= 0; --block) {
            mix_place -= area(this->n_features, this->width(block));
            block_back(block, n_frames, work, more, gradients, gradients.mix.data() + mix_place);
            for (int frame = 0; frame < n_frames; ++frame)
                for (std::size_t k = 0; k < contacts[frame].size(); ++k)
                    contact_back(block, frame, contacts[frame][k], gamma[frame][k], work, more, gradients);
        }
        for (int frame = 0; frame < n_frames; ++frame)
            for (std::size_t k = 0; k < area(this->n_beads, this->mixed); ++k)
                gradients.constant[k] += more.read_hat[area(frame * this->n_beads, this->mixed) + k];
    }

private:
    using V = Vector<T>;

    // The changes of everything when the distances move by gamma.
    void move(int n_frames, const Contacts<T>& contacts, const std::vector<std::vector<T>>& gamma,
              const Workspace<T>& work, MatchingWorkspace<T>& more) const {
        const int n_rows = n_frames * this->n_beads, n_features = this->n_features;
        std::fill_n(more.read_dot.data(), area(n_rows, this->mixed), T(0));
        for (int block = 0; block < this->n_blocks; ++block) {
            T *message = more.message_dot[block], *sum = more.sum_dot[block], *hidden_dot = more.hidden_dot[block];
            const T* hidden = work.hidden[block];
            std::fill_n(message, area(n_rows, n_features), T(0));
            for (int frame = 0; frame < n_frames; ++frame)
                for (std::size_t k = 0; k < contacts[frame].size(); ++k)
                    contact_move(block, frame, contacts[frame][k], gamma[frame][k], work, more,
                                 message + area(frame * this->n_beads, n_features));
            std::fill_n(sum, area(n_rows, n_features), T(0));
            this->update_[block].multiply_add(n_rows, message, n_features, sum, n_features);
            for (std::size_t k = 0; k < area(n_rows, n_features); k += lanes<T>)
                vector_at(hidden_dot + k) =
                    vector_at(sum + k) * (T(1) - vector_at(hidden + k) * vector_at(hidden + k));
            this->mix_[block].multiply_add(n_rows, hidden_dot, n_features, more.read_dot.data() + block * n_features,
                                           this->mixed);
        }
    }

    // message_dot_i += W' gamma sent_j + W sent_dot_j, and the other way round.
    void contact_move(int block, int frame, const Contact<T>& contact, T gamma, const Workspace<T>& work,
                      const MatchingWorkspace<T>& more, T* message) const {
        const int stride = this->sent_stride(block), n_features = this->n_features;
        const T* knot = this->tables_.data() + this->knot(block, contact);
        const T* sent = this->sent(work.read, block, frame);
        const T *sent_i = sent + area(contact.first, stride), *sent_j = sent + area(contact.second, stride);
        T *message_i = message + area(contact.first, n_features), *message_j = message + area(contact.second, n_features);
        if (block == 0) {
            for (int k = 0; k < n_features; k += lanes<T>) {
                const V filter_dot = gamma * this->interpolate(knot + k, contact.slope);
                vector_at(message_i + k) += filter_dot * vector_at(sent_j + k);
                vector_at(message_j + k) += filter_dot * vector_at(sent_i + k);
            }
            return;
        }
        const T* sent_dot = this->sent(more.read_dot, block, frame);
        const T *dot_i = sent_dot + area(contact.first, stride), *dot_j = sent_dot + area(contact.second, stride);
        for (int k = 0; k < n_features; k += lanes<T>) {
            const V filter = this->interpolate(knot + k, contact.value);
            const V filter_dot = gamma * this->interpolate(knot + k, contact.slope);
            vector_at(message_i + k) += filter_dot * vector_at(sent_j + k) + filter * vector_at(dot_j + k);
            vector_at(message_j + k) += filter_dot * vector_at(sent_i + k) + filter * vector_at(dot_i + k);
        }
    }

    // S = sum head (1 - a^2) read_dot with a = tanh(read).
    void head_back(int n_frames, const Workspace<T>& work, MatchingWorkspace<T>& more, Gradients<T>& gradients) const {
        const int first = this->mixed - this->n_head;
        for (int r = 0; r < n_frames * this->n_beads; ++r) {
            const std::size_t row = area(r, this->mixed);
            std::fill_n(more.read_hat.data() + row, first, T(0));
            for (int k = 0; k < this->n_head; k += lanes<T>) {
                const std::size_t place = row + first + k;
                const V activation = tanh<T>(vector_at(work.read.data() + place));
                const V change = vector_at(more.read_dot.data() + place);
                vector_at(gradients.head.data() + k) += (T(1) - activation * activation) * change;
                vector_at(more.read_hat.data() + place) =
                    T(-2) * activation * change * vector_at(work.read_gradient.data() + place);
            }
        }
    }

    // From what is read of the hidden layer back to the messages, and the matrices on the way.
    void block_back(int block, int n_frames, const Workspace<T>& work, MatchingWorkspace<T>& more,
                    Gradients<T>& gradients, T* mix) const {
        const int n_rows = n_frames * this->n_beads, n_features = this->n_features, first = block * n_features;
        const T *hidden = work.hidden[block], *sum_gradient = work.sum_gradient[block], *sum_dot = more.sum_dot[block];
        T *sum_hat = more.sum_hat.data(), *message_hat = more.message_hat.data();
        OuterProduct<T>::add(n_rows, hidden, n_features, n_features, more.read_hat.data() + first, this->mixed,
                             this->width(block), mix);
        OuterProduct<T>::add(n_rows, more.hidden_dot[block], n_features, n_features, work.read_gradient.data() + first,
                             this->mixed, this->width(block), mix);
        std::fill_n(sum_hat, area(n_rows, n_features), T(0));
        this->mix_back_[block].multiply_add(n_rows, more.read_hat.data() + first, this->mixed, sum_hat, n_features);
        T* bias = gradients.update_bias.data() + area(block, n_features);
        for (int r = 0; r < n_rows; ++r)
            for (int k = 0; k < n_features; k += lanes<T>) {
                const std::size_t place = area(r, n_features) + k;
                const V h = vector_at(hidden + place);
                vector_at(sum_hat + place) = vector_at(sum_hat + place) * (T(1) - h * h) -
                                             T(2) * h * vector_at(sum_dot + place) * vector_at(sum_gradient + place);
                vector_at(bias + k) += vector_at(sum_hat + place);
            }
        T* update = gradients.update.data() + area(block, n_features) * n_features;
        OuterProduct<T>::add(n_rows, work.message[block], n_features, n_features, sum_hat, n_features, n_features, update);
        OuterProduct<T>::add(n_rows, more.message_dot[block], n_features, n_features, sum_gradient, n_features,
                             n_features, update);
        std::fill_n(message_hat, area(n_rows, n_features), T(0));
        this->update_back_[block].multiply_add(n_rows, sum_hat, n_features, message_hat, n_features);
    }

    // From the messages of a pair back to what was sent and to the rows of the filter's table.
    void contact_back(int block, int frame, const Contact<T>& contact, T gamma, const Workspace<T>& work,
                      MatchingWorkspace<T>& more, Gradients<T>& gradients) const {
        const int n_features = this->n_features, stride = this->sent_stride(block);
        const std::size_t i = area(frame * this->n_beads + contact.first, n_features);
        const std::size_t j = area(frame * this->n_beads + contact.second, n_features);
        const T *hat = more.message_hat.data(), *gradient = work.message_gradient[block];
        const T* sent = this->sent(work.read, block, frame);
        const T *sent_i = sent + area(contact.first, stride), *sent_j = sent + area(contact.second, stride);
        const T* sent_dot = block ? this->sent(more.read_dot, block, frame) : zeros();
        const T *dot_i = sent_dot + (block ? area(contact.first, stride) : 0);
        const T *dot_j = sent_dot + (block ? area(contact.second, stride) : 0);
        T* sent_hat = block ? more.read_hat.data() + area(frame * this->n_beads, this->mixed) + (block - 1) * n_features
                            : gradients.sent.data();
        T *hat_i = sent_hat + area(contact.first, stride), *hat_j = sent_hat + area(contact.second, stride);
        const std::size_t place = this->knot(block, contact);
        const T* knot = this->tables_.data() + place;
        T* rows = gradients.tables.data() + place;
        T slope[4];
        for (int row = 0; row < 4; ++row) slope[row] = gamma * contact.slope[row];
        for (int k = 0; k < n_features; k += lanes<T>) {
            const V hat_at_i = vector_at(hat + i + k), hat_at_j = vector_at(hat + j + k);
            const V gradient_i = vector_at(gradient + i + k), gradient_j = vector_at(gradient + j + k);
            const V from_i = vector_at(sent_i + k), from_j = vector_at(sent_j + k);
            const V filter = this->interpolate(knot + k, contact.value);
            const V filter_dot = this->interpolate(knot + k, slope);
            vector_at(hat_i + k) += filter * hat_at_j + filter_dot * gradient_j;
            vector_at(hat_j + k) += filter * hat_at_i + filter_dot * gradient_i;
            const V filter_hat = hat_at_i * from_j + hat_at_j * from_i + gradient_i * vector_at(dot_j + k) +
                                 gradient_j * vector_at(dot_i + k);
            const V filter_dot_hat = gradient_i * from_j + gradient_j * from_i;
            for (int row = 0; row < 4; ++row)
                vector_at(rows + row * n_features + k) += contact.value[row] * filter_hat + slope[row] * filter_dot_hat;
        }
    }

    // What the first block's senders change.
    const T* zeros() const { return zeros_.data(); }

    Buffer<T> zeros_{static_cast<std::size_t>(this->n_features)};
};

}  // namespace cgpipe
