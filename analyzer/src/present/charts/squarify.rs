//! A rectangle divided in proportion to numbers, into pieces as square as they can be (Bruls, Huizing and van Wijk,
//! *Squarified Treemaps*, 2000).

/// A rectangle; its right and lower edges belong to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Tile {
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// Divides `whole`: a tile per weight, in the order of the weights, the greatest at the upper left. A weight that is no
/// positive number gets a tile without area.
pub(crate) fn squarify(weights: &[f64], whole: Tile) -> Vec<Tile> {
    let weight = |at: usize| if weights[at].is_finite() { weights[at].max(0.0) } else { 0.0 };
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)));
    let mut tiles = vec![Tile { width: 0.0, height: 0.0, ..whole }; weights.len()];
    let (mut free, mut rest) = (whole, &order[..]);
    while !rest.is_empty() {
        // Divided by the greatest that is left, the weights have a sum that no number can make too large.
        let greatest = weight(rest[0]);
        if greatest <= 0.0 {
            break;
        }
        let shares: Vec<f64> = rest.iter().map(|at| weight(*at) / greatest).collect();
        let sum_of_shares: f64 = shares.iter().sum();
        let (short, long) = (free.width.min(free.height), free.width.max(free.height));
        // The tiles of a row stand along the shorter side. As long as one more makes the worst of them squarer, it
        // joins the row.
        let area = |share: f64| share / sum_of_shares * short * long;
        let (mut count, mut sum) = (1, shares[0]);
        while count < rest.len()
            && worst(area(shares[0]), area(shares[count]), area(sum + shares[count]), short)
                <= worst(area(shares[0]), area(shares[count - 1]), area(sum), short)
        {
            sum += shares[count];
            count += 1;
        }
        let is_last = count == rest.len();
        let depth = if is_last { long } else { long * sum / sum_of_shares };
        let mut at = 0.0;
        for (number, share) in rest[..count].iter().zip(&shares) {
            let length = short * share / sum;
            tiles[*number] = if free.width >= free.height {
                Tile { left: free.left, top: free.top + at, width: depth, height: length }
            } else {
                Tile { left: free.left + at, top: free.top, width: length, height: depth }
            };
            at += length;
        }
        free = if free.width >= free.height {
            Tile { left: free.left + depth, width: (free.width - depth).max(0.0), ..free }
        } else {
            Tile { top: free.top + depth, height: (free.height - depth).max(0.0), ..free }
        };
        rest = &rest[count..];
    }
    tiles
}

/// Returns the aspect ratio of the least square tile of a row, whose greatest, least and summed area are given; 1 is a
/// square.
fn worst(greatest: f64, least: f64, sum: f64, side: f64) -> f64 {
    let depth = sum / side;
    let ratio = |area: f64| (depth * depth / area).max(area / (depth * depth));
    ratio(greatest).max(ratio(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Tile = Tile { left: 10.0, top: 20.0, width: 600.0, height: 400.0 };

    /// Checks what holds for any weights: proportional areas, all inside of the whole, none over another.
    fn check(weights: &[f64]) -> Vec<Tile> {
        let tiles = squarify(weights, WHOLE);
        assert_eq!(tiles.len(), weights.len());
        let greatest = weights.iter().copied().filter(|weight| weight.is_finite()).fold(0.0, f64::max);
        let shares: Vec<f64> =
            weights.iter().map(|weight| if weight.is_finite() { weight.max(0.0) / greatest } else { 0.0 }).collect();
        let whole: f64 = shares.iter().sum();
        for (tile, share) in tiles.iter().zip(&shares) {
            let area = if greatest > 0.0 { share / whole * WHOLE.width * WHOLE.height } else { 0.0 };
            assert!(
                (tile.width * tile.height - area).abs() < 1e-6 * WHOLE.width * WHOLE.height,
                "{tile:?} should have {area}: {weights:?}"
            );
            assert!(
                tile.left >= WHOLE.left && tile.top >= WHOLE.top && tile.width >= 0.0 && tile.height >= 0.0,
                "{tile:?}"
            );
            assert!(tile.right() <= WHOLE.right() + 1e-6 && tile.bottom() <= WHOLE.bottom() + 1e-6, "{tile:?}");
        }
        for (i, a) in tiles.iter().enumerate() {
            for b in &tiles[i + 1..] {
                let width = a.right().min(b.right()) - a.left.max(b.left);
                let height = a.bottom().min(b.bottom()) - a.top.max(b.top);
                assert!(width.min(height) < 1e-6, "{a:?} and {b:?} overlap");
            }
        }
        tiles
    }

    #[test]
    fn the_example_of_the_paper() {
        let tiles =
            squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], Tile { left: 0.0, top: 0.0, width: 6.0, height: 4.0 });
        let rounded: Vec<_> =
            tiles.iter().map(|t| [t.left, t.top, t.width, t.height].map(|x| (x * 100.0).round() / 100.0)).collect();
        assert_eq!(
            rounded[..4],
            [[0.0, 0.0, 3.0, 2.0], [0.0, 2.0, 3.0, 2.0], [3.0, 0.0, 1.71, 2.33], [4.71, 0.0, 1.29, 2.33]]
        );
    }

    #[test]
    fn areas_are_proportional_and_nothing_overlaps() {
        check(&[1.0]);
        check(&[5.0, 5.0, 5.0, 5.0]);
        check(&(1..=60).map(|i| f64::from(i * i)).collect::<Vec<_>>());
        let tiles = check(&[1.0, 100.0, 10.0]);
        assert_eq!(
            (tiles[1].left, tiles[1].top),
            (WHOLE.left, WHOLE.top),
            "the greatest comes first, wherever it stood"
        );
    }

    #[test]
    fn numbers_that_are_none_have_no_area() {
        assert!(squarify(&[], WHOLE).is_empty());
        check(&[0.0, 0.0]);
        check(&[f64::NAN, -5.0, f64::INFINITY, 3.0, f64::NEG_INFINITY, 0.0]);
        check(&[u64::MAX as f64, 1.0, u64::MAX as f64, f64::MAX, f64::MAX]);
        check(&[1e300, 1e-300, f64::MIN_POSITIVE]);
        let flat = squarify(&[1.0, 2.0], Tile { height: 0.0, ..WHOLE });
        assert!(flat.iter().all(|tile| tile.width.is_finite() && tile.height.abs() < 1e-9), "{flat:?}");
    }
}
