//! The factors of a large sparse matrix that say most of it.
//!
//! Owns the truncated singular value decomposition by randomized subspace iteration (Halko, Martinsson and Tropp
//! 2011, "Finding structure with randomness", algorithms 4.4 and 5.1). Does not own the matrix (`pairs`).
//! Every sum is taken in a fixed order, by rows and by blocks of rows, so that the result does not depend
//! on the number of threads.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::pairs::Ppmi;

/// Columns beyond those that are asked for, which make these exact.
const MORE: usize = 16;
/// Products with the matrix and its transpose.
const ROUNDS: usize = 4;
/// Rows that are summed in one go.
const ROWS_A_BLOCK: usize = 1024;
/// Sweeps of Jacobi's method; it converges in fewer than ten.
const SWEEPS: usize = 30;

/// The first left singular vectors of a matrix, each times the root of its singular value: `dimensions`
/// numbers for each row. Signs are such that the largest number of a column is positive. Columns that the
/// matrix has no rank for are zero.
pub(super) fn factors(matrix: &Ppmi, dimensions: usize, seed: u64) -> Vec<f32> {
    let words = matrix.words();
    let columns = (dimensions + MORE).min(words);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut basis: Vec<f32> = (0..words * columns)
        .map(|_at| random.random_range(-1.0..1.0))
        .collect();
    for _round in 0..ROUNDS {
        basis = matrix.times(&basis, columns);
        orthonormal(&mut basis, columns);
        basis = matrix.transposed_times(&basis, columns);
        orthonormal(&mut basis, columns);
    }
    // Of M V = U S W', the left singular vectors times the values are M V W.
    let mut image = matrix.times(&basis, columns);
    let (values, vectors) = eigen(gram(&image, columns), columns);
    image
        .par_chunks_mut(columns)
        .for_each_init(Vec::new, |sums, row| multiply(row, &vectors, sums));
    let kept = dimensions.min(columns);
    let scale = |squared: f64| match squared > 0.0 {
        true => libm::pow(squared, -0.25),
        false => 0.0,
    };
    let scales: Vec<f64> = values[..kept].iter().copied().map(scale).collect();
    let mut factors = vec![0.0_f32; words * dimensions];
    for (row, image) in factors.chunks_mut(dimensions).zip(image.chunks(columns)) {
        for ((number, scale), image) in row.iter_mut().zip(&scales).zip(image) {
            *number = (f64::from(*image) * scale) as f32;
        }
    }
    settle_signs(&mut factors, dimensions);
    factors
}

/// Makes the largest number of each column positive; the first of those that are equal.
fn settle_signs(matrix: &mut [f32], columns: usize) {
    let mut largest = vec![0.0_f32; columns];
    for row in matrix.chunks(columns) {
        for (largest, number) in largest.iter_mut().zip(row) {
            if number.abs() > largest.abs() {
                *largest = *number;
            }
        }
    }
    for row in matrix.chunks_mut(columns) {
        for (number, largest) in row.iter_mut().zip(&largest) {
            if *largest < 0.0 {
                *number = -*number;
            }
        }
    }
}

/// Makes the columns orthonormal, by Cholesky's factors of their products, twice, since once leaves what
/// rounding does (Yamamoto et al. 2015). A column that the others make up becomes zero.
fn orthonormal(matrix: &mut [f32], columns: usize) {
    for _time in 0..2 {
        let inverse = inverse_factor(gram(matrix, columns), columns);
        let rows = matrix.par_chunks_mut(columns);
        rows.for_each_init(Vec::new, |sums, row| multiply(row, &inverse, sums));
    }
}

/// Puts the product of a row with a square matrix in its place.
fn multiply(row: &mut [f32], matrix: &[f64], sums: &mut Vec<f64>) {
    sums.clear();
    sums.resize(row.len(), 0.0);
    for (number, factors) in row.iter().zip(matrix.chunks(row.len())) {
        for (sum, factor) in sums.iter_mut().zip(factors) {
            *sum += f64::from(*number) * factor;
        }
    }
    for (number, sum) in row.iter_mut().zip(sums) {
        *number = *sum as f32;
    }
}

/// The products of the columns with each other.
fn gram(matrix: &[f32], columns: usize) -> Vec<f64> {
    let blocks: Vec<Vec<f64>> = matrix
        .par_chunks(ROWS_A_BLOCK * columns)
        .map(|block| {
            let mut sums = vec![0.0; columns * columns];
            for row in block.chunks(columns) {
                for (number, sums) in row.iter().zip(sums.chunks_mut(columns)) {
                    for (sum, other) in sums.iter_mut().zip(row) {
                        *sum += f64::from(*number) * f64::from(*other);
                    }
                }
            }
            sums
        })
        .collect();
    let mut all = vec![0.0; columns * columns];
    for block in blocks {
        for (sum, number) in all.iter_mut().zip(block) {
            *sum += number;
        }
    }
    all
}

/// The inverse of the upper factor `R` of `R' R`.
fn inverse_factor(mut gram: Vec<f64>, columns: usize) -> Vec<f64> {
    let at = |row: usize, column: usize| row * columns + column;
    let mut inverse = vec![0.0; columns * columns];
    let largest = (0..columns).map(|n| gram[at(n, n)]).fold(0.0, f64::max);
    // The upper factor takes the place of the products, row by row.
    for row in 0..columns {
        let pivot = gram[at(row, row)];
        if pivot <= largest * 1e-12 {
            (row..columns).for_each(|column| gram[at(row, column)] = 0.0);
            continue;
        }
        let root = pivot.sqrt();
        (row..columns).for_each(|column| gram[at(row, column)] /= root);
        for below in row + 1..columns {
            let factor = gram[at(row, below)];
            for column in below..columns {
                gram[at(below, column)] -= factor * gram[at(row, column)];
            }
        }
    }
    for column in 0..columns {
        if gram[at(column, column)] == 0.0 {
            continue;
        }
        inverse[at(column, column)] = 1.0 / gram[at(column, column)];
        for row in (0..column).rev() {
            let sum: f64 = (row + 1..=column)
                .map(|k| gram[at(row, k)] * inverse[at(k, column)])
                .sum();
            if gram[at(row, row)] != 0.0 {
                inverse[at(row, column)] = -sum / gram[at(row, row)];
            }
        }
    }
    inverse
}

/// The eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns, by Jacobi's
/// rotations.
fn eigen(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; size * size];
    (0..size).for_each(|n| vectors[n * size + n] = 1.0);
    let norm: f64 = matrix.iter().map(|number| number * number).sum();
    for _sweep in 0..SWEEPS {
        let mut off = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                let apq = matrix[p * size + q];
                off += apq * apq;
                if apq == 0.0 {
                    continue;
                }
                let theta = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * apq);
                let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                let rotate = |a: &mut f64, b: &mut f64| {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                };
                for k in 0..size {
                    let (mut a, mut b) = (matrix[k * size + p], matrix[k * size + q]);
                    rotate(&mut a, &mut b);
                    (matrix[k * size + p], matrix[k * size + q]) = (a, b);
                }
                for k in 0..size {
                    let (mut a, mut b) = (matrix[p * size + k], matrix[q * size + k]);
                    rotate(&mut a, &mut b);
                    (matrix[p * size + k], matrix[q * size + k]) = (a, b);
                    let (mut a, mut b) = (vectors[k * size + p], vectors[k * size + q]);
                    rotate(&mut a, &mut b);
                    (vectors[k * size + p], vectors[k * size + q]) = (a, b);
                }
            }
        }
        if off <= norm * 1e-24 {
            break;
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    let value = |n: usize| matrix[n * size + n];
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    let values = order.iter().map(|&n| value(n)).collect();
    let rows = vectors.chunks(size);
    let sorted = rows.flat_map(|row| order.iter().map(|&n| row[n])).collect();
    (values, sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::pairs::Corpus;

    #[test]
    fn eigenvectors_give_the_matrix_back() {
        let matrix = vec![4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 1.0];
        let (values, vectors) = eigen(matrix.clone(), 3);
        assert!(values[0] >= values[1] && values[1] >= values[2]);
        for row in 0..3 {
            for column in 0..3 {
                let sum: f64 = (0..3)
                    .map(|k| vectors[row * 3 + k] * values[k] * vectors[column * 3 + k])
                    .sum();
                assert!((sum - matrix[row * 3 + column]).abs() < 1e-9, "{values:?}");
            }
        }
    }

    #[test]
    fn columns_become_orthonormal_and_dependent_ones_zero() {
        // The third column is the sum of the first two.
        let mut matrix: Vec<f32> = (0..50)
            .flat_map(|n| {
                [
                    (n % 7) as f32,
                    (n % 5) as f32 - 2.0,
                    (n % 7 + n % 5) as f32 - 2.0,
                ]
            })
            .collect();
        orthonormal(&mut matrix, 3);
        let products = gram(&matrix, 3);
        for (at, product) in products.iter().enumerate() {
            let wanted = f64::from(u8::from(at == 0 || at == 4));
            assert!((product - wanted).abs() < 1e-5, "{products:?}");
        }
    }

    /// With as many dimensions as words the factors' products are the root of `M M'`, whose square is it.
    #[test]
    fn the_factors_are_those_of_the_matrix() {
        let mut corpus = Corpus::default();
        for n in 0..40_u32 {
            corpus.add((0..30).map(move |k| (n * n + k * k * (n % 3 + 1)) % 9));
        }
        let ppmi = Ppmi::of(&corpus, 9, 3);
        let found = factors(&ppmi, 9, 7);
        let root = |a: usize, b: usize| -> f64 {
            let (a, b) = (&found[a * 9..a * 9 + 9], &found[b * 9..b * 9 + 9]);
            a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
        };
        let mut unit = vec![0.0; 81];
        (0..9).for_each(|n| unit[n * 10] = 1.0);
        let matrix = ppmi.times(&unit, 9);
        let product = |a: usize, b: usize| -> f64 {
            let (a, b) = (&matrix[a * 9..a * 9 + 9], &matrix[b * 9..b * 9 + 9]);
            a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
        };
        for a in 0..9 {
            for b in 0..9 {
                let squared: f64 = (0..9).map(|k| root(a, k) * root(k, b)).sum();
                assert!(
                    (squared - product(a, b)).abs() < 1e-3,
                    "{a} {b}: {squared} {}",
                    product(a, b)
                );
            }
        }
        assert_eq!(factors(&ppmi, 9, 7), found);
    }
}
