// The classical terms: bonds and repulsions through the distances of pairs, angles and torsions directly.
#pragma once

#include <vector>

#include "pairs.hpp"

namespace cgpipe {

// What Python hands over; the arrays are copied.
struct PriorData {
    int n_bonds, n_angles, n_torsions, n_repulsions, n_multiplicities, exponent;
    double strength;
    const int *bonds, *angles, *torsions, *repulsions;         // sites
    const double *bond_centre, *bond_stiffness;                 // nm, kJ/mol/nm^2
    const double *angle_centre, *angle_stiffness;               // rad, kJ/mol/rad^2
    const double *cosine, *sine;                                // (n_torsions, n_multiplicities), kJ/mol
    const double *diameter;                                     // nm
};

template <typename T>
struct Point {
    T x, y, z;
};

template <typename T>
Point<T> operator-(Point<T> a, Point<T> b) {
    return {a.x - b.x, a.y - b.y, a.z - b.z};
}

template <typename T>
Point<T> operator+(Point<T> a, Point<T> b) {
    return {a.x + b.x, a.y + b.y, a.z + b.z};
}

template <typename T>
Point<T> operator*(T factor, Point<T> a) {
    return {factor * a.x, factor * a.y, factor * a.z};
}

template <typename T>
T dot(Point<T> a, Point<T> b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

template <typename T>
Point<T> cross(Point<T> a, Point<T> b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

template <typename T>
class Prior {
public:
    Prior(const PriorData& data, int n_beads)
        : n_bonds_(data.n_bonds), n_angles_(data.n_angles), n_torsions_(data.n_torsions),
          n_multiplicities_(data.n_multiplicities), exponent_(data.exponent), strength_(static_cast<T>(data.strength)),
          repels_(data.n_repulsions > 0), angles_(data.angles, data.angles + 3 * data.n_angles),
          torsions_(data.torsions, data.torsions + 4 * data.n_torsions), bond_centre_(copy(data.bond_centre, data.n_bonds)),
          bond_stiffness_(copy(data.bond_stiffness, data.n_bonds)), angle_centre_(copy(data.angle_centre, data.n_angles)),
          angle_stiffness_(copy(data.angle_stiffness, data.n_angles)),
          cosine_(copy(data.cosine, data.n_torsions * data.n_multiplicities)),
          sine_(copy(data.sine, data.n_torsions * data.n_multiplicities)),
          diameter_(static_cast<std::size_t>(n_beads) * (n_beads - 1) / 2) {
        for (int k = 0; k < data.n_bonds; ++k)
            bond_pairs_.push_back(Pairs<T>::index(data.bonds[2 * k], data.bonds[2 * k + 1], n_beads));
        for (int k = 0; k < data.n_repulsions; ++k)
            diameter_[Pairs<T>::index(data.repulsions[2 * k], data.repulsions[2 * k + 1], n_beads)] =
                static_cast<T>(data.diameter[k]);
    }

    // Energy of one replica; adds to the pairs' dE/dd and sets the forces of angles and torsions.
    T evaluate(const T* positions, Pairs<T>& pairs, T* forces) const {
        std::fill_n(forces, 3 * pairs.n_beads, T(0));
        return bonds(pairs) + repulsions(pairs) + angles(positions, forces) + torsions(positions, forces);
    }

private:
    static std::vector<T> copy(const double* source, int size) { return std::vector<T>(source, source + size); }

    T bonds(Pairs<T>& pairs) const {
        T energy = 0;
        for (int k = 0; k < n_bonds_; ++k) {
            const T stretch = pairs.distance[bond_pairs_[k]] - bond_centre_[k];
            energy += T(0.5) * bond_stiffness_[k] * stretch * stretch;
            pairs.gradient[bond_pairs_[k]] += bond_stiffness_[k] * stretch;
        }
        return energy;
    }

    // A pair without repulsion has the diameter zero.
    T repulsions(Pairs<T>& pairs) const {
        if (!repels_) return 0;
        T energy = 0;
        for (int pair = 0; pair < pairs.n_pairs; ++pair) {
            if (diameter_[pair] == 0) continue;
            const T inverse = 1 / pairs.distance[pair];
            T power = strength_, base = diameter_[pair] * inverse;
            for (int n = exponent_; n; n >>= 1, base *= base)
                if (n & 1) power *= base;
            energy += power;
            pairs.gradient[pair] -= exponent_ * inverse * power;
        }
        return energy;
    }

    T angles(const T* positions, T* forces) const {
        T energy = 0;
        for (int k = 0; k < n_angles_; ++k) {
            const int* site = &angles_[3 * k];
            const Point<T> u = at(positions, site[0]) - at(positions, site[1]);
            const Point<T> v = at(positions, site[2]) - at(positions, site[1]);
            const Point<T> normal = cross(u, v);
            const T sine = std::sqrt(dot(normal, normal));  // times both lengths
            const T bend = std::atan2(sine, dot(u, v)) - angle_centre_[k];
            energy += T(0.5) * angle_stiffness_[k] * bend * bend;
            const T pull = -angle_stiffness_[k] * bend / smallest(sine, smallest_area);
            const Point<T> first = (pull / dot(u, u)) * cross(u, normal);
            const Point<T> last = (pull / dot(v, v)) * cross(normal, v);
            add(forces, site[0], first);
            add(forces, site[1], T(-1) * (first + last));
            add(forces, site[2], last);
        }
        return energy;
    }

    // Blondel and Karplus 1996; cos(m phi) and sin(m phi) by recurrence, without a trigonometric function.
    T torsions(const T* positions, T* forces) const {
        T energy = 0;
        for (int k = 0; k < n_torsions_; ++k) {
            const int* site = &torsions_[4 * k];
            const Point<T> a = at(positions, site[0]), b = at(positions, site[1]);
            const Point<T> c = at(positions, site[2]), d = at(positions, site[3]);
            const Point<T> first = b - a, axis = c - b, last = d - c;
            const Point<T> normal_1 = cross(first, axis), normal_2 = cross(axis, last);
            const T axis_square = dot(axis, axis), length = std::sqrt(axis_square);
            const T slope = fourier(k, dot(normal_1, normal_2), length * dot(first, normal_2), energy);
            const Point<T> at_a =
                (slope * length / smallest(dot(normal_1, normal_1), smallest_area * smallest_area)) * normal_1;
            const Point<T> at_d =
                (-slope * length / smallest(dot(normal_2, normal_2), smallest_area * smallest_area)) * normal_2;
            const T along_first = dot(first, axis) / axis_square, along_last = dot(last, axis) / axis_square;
            add(forces, site[0], at_a);
            add(forces, site[1], along_last * at_d - (1 + along_first) * at_a);
            add(forces, site[2], along_first * at_a - (1 + along_last) * at_d);
            add(forces, site[3], at_d);
        }
        return energy;
    }

    // Adds the energy of a dihedral with the direction (x, y) of its angle; returns the slope.
    T fourier(int k, T x, T y, T& energy) const {
        const T size = std::sqrt(x * x + y * y);
        const T cosine = size > 0 ? x / size : x + 1, sine = size > 0 ? y / size : y;  // as atan2(0, 0) = 0; NaN stays
        T c = 1, s = 0, slope = 0;
        for (int m = 0; m < n_multiplicities_; ++m) {
            const T next = c * cosine - s * sine;
            s = s * cosine + c * sine;
            c = next;
            const T a = cosine_[k * n_multiplicities_ + m], b = sine_[k * n_multiplicities_ + m];
            energy += a * c + b * s;
            slope += (m + 1) * (b * c - a * s);
        }
        return slope;
    }

    static Point<T> at(const T* positions, int bead) {
        return {positions[3 * bead], positions[3 * bead + 1], positions[3 * bead + 2]};
    }

    static void add(T* forces, int bead, Point<T> force) {
        forces[3 * bead] += force.x;
        forces[3 * bead + 1] += force.y;
        forces[3 * bead + 2] += force.z;
    }

    static T smallest(T value, T bound) { return value < bound ? bound : value; }

    static constexpr T smallest_area = T(1e-12);  // nm^2, as in cgpipe/geometry.py
    const int n_bonds_, n_angles_, n_torsions_, n_multiplicities_, exponent_;
    const T strength_;
    const bool repels_;
    std::vector<int> bond_pairs_, angles_, torsions_;
    std::vector<T> bond_centre_, bond_stiffness_, angle_centre_, angle_stiffness_, cosine_, sine_;
    Buffer<T> diameter_;
};

}  // namespace cgpipe
