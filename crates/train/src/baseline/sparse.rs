//! A sparse matrix that is read by rows and by columns.
//!
//! Both products are sums in one order, whatever the number of threads: each row's and each column's sum is the work of
//! one thread. That is why the entries are there twice.

use rayon::prelude::*;

/// Rows and columns that one piece of work has: enough that handing it out costs nothing.
const PIECE: usize = 256;

/// Entries in the order of their rows, or of their columns.
#[derive(Debug)]
struct Side {
    /// Where each row's entries begin, and at last where they end.
    starts: Vec<usize>,
    /// The column of each.
    others: Vec<u32>,
    values: Vec<f32>,
}

impl Side {
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// What `of` makes of each row's entries, in place of what is in `out`: a vector as long as there are features is too
    /// large to be made anew for every product.
    fn map(&self, out: &mut Vec<f64>, of: impl Fn(&[u32], &[f32]) -> f64 + Sync + Send) {
        (0..self.len())
            .into_par_iter()
            .with_min_len(PIECE)
            .map(|row| {
                let own = self.starts[row]..self.starts[row + 1];
                of(&self.others[own.clone()], &self.values[own])
            })
            .collect_into_vec(out);
    }

    fn product(&self, vector: &[f64], out: &mut Vec<f64>) {
        self.map(out, |others, values| {
            let pairs = others.iter().zip(values);
            pairs
                .map(|(&other, &value)| f64::from(value) * vector[other as usize])
                .sum()
        });
    }
}

/// A sparse matrix, `N` rows of examples and `F` columns of features.
#[derive(Debug)]
pub(super) struct Matrix {
    rows: Side,
    columns: Side,
}

impl Matrix {
    /// Of rows of column numbers and values; a number beyond the last column is left out.
    pub(super) fn new<'a>(
        rows: impl Iterator<Item = (&'a [u32], &'a [f32])>,
        columns: usize,
    ) -> Self {
        let mut by_row = Side {
            starts: vec![0],
            others: Vec::new(),
            values: Vec::new(),
        };
        for (indices, values) in rows {
            for (&index, &value) in indices.iter().zip(values) {
                if (index as usize) < columns {
                    by_row.others.push(index);
                    by_row.values.push(value);
                }
            }
            by_row.starts.push(by_row.others.len());
        }
        Self {
            columns: transposed(&by_row, columns),
            rows: by_row,
        }
    }

    /// The number of columns.
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The product with a vector `[F]`, `[N]`, into `out`.
    pub(super) fn times(&self, vector: &[f64], out: &mut Vec<f64>) {
        self.rows.product(vector, out);
    }

    /// The product of the transposed matrix with a vector `[N]`, `[F]`, into `out`.
    pub(super) fn transposed_times(&self, vector: &[f64], out: &mut Vec<f64>) {
        self.columns.product(vector, out);
    }

    /// For each column the sum of its squares, each times its row's weight, `[F]`.
    pub(super) fn weighted_squares(&self, weights: &[f64]) -> Vec<f64> {
        let mut squares = Vec::new();
        self.columns.map(&mut squares, |rows, values| {
            let pairs = rows.iter().zip(values);
            pairs
                .map(|(&row, &value)| weights[row as usize] * f64::from(value).powi(2))
                .sum()
        });
        squares
    }
}

fn transposed(rows: &Side, columns: usize) -> Side {
    let mut starts = vec![0; columns + 1];
    for &column in &rows.others {
        starts[column as usize + 1] += 1;
    }
    for column in 0..columns {
        starts[column + 1] += starts[column];
    }
    let mut next = starts.clone();
    let mut others = vec![0; rows.others.len()];
    let mut values = vec![0.0; rows.others.len()];
    for row in 0..rows.len() {
        for entry in rows.starts[row]..rows.starts[row + 1] {
            let place = &mut next[rows.others[entry] as usize];
            others[*place] = u32::try_from(row).unwrap_or(u32::MAX);
            values[*place] = rows.values[entry];
            *place += 1;
        }
    }
    Side {
        starts,
        others,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_go_both_ways() {
        // [[1, 0, 2], [0, 0, 0], [0, 3, 4]]
        let rows: [(&[u32], &[f32]); 3] =
            [(&[0, 2], &[1.0, 2.0]), (&[], &[]), (&[1, 2], &[3.0, 4.0])];
        let matrix = Matrix::new(rows.into_iter(), 3);
        let mut out = vec![9.0; 7];
        matrix.times(&[1.0, 10.0, 100.0], &mut out);
        assert_eq!(out, [201.0, 0.0, 430.0]);
        matrix.transposed_times(&[1.0, 10.0, 100.0], &mut out);
        assert_eq!(out, [1.0, 300.0, 402.0]);
        assert_eq!(matrix.weighted_squares(&[1.0, 1.0, 0.5]), [1.0, 4.5, 12.0]);
        let narrow = Matrix::new(rows.into_iter(), 2);
        narrow.times(&[1.0, 10.0], &mut out);
        assert_eq!(out, [1.0, 0.0, 30.0]);
    }
}
