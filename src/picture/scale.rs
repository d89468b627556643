//! How wide each part of a strip is drawn. Pure, in whole units (columns, hundredths of a pixel or of a percent).
//!
//! Every part is to scale, but for those that would be narrower than their least: these get their least, are said to
//! be enlarged, and the others share what is left, to scale among themselves.

/// A part of a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How wide it is drawn.
    pub width: u64,
    /// Whether that is more than to scale.
    pub enlarged: bool,
}

/// The widths of parts with these lengths and least widths; they add up to `room` if the least widths fit into it.
pub fn shares(parts: &[(u64, u64)], room: u64) -> Vec<Share> {
    let mut enlarged = vec![false; parts.len()];
    loop {
        let (left, total) = rest(parts, &enlarged, room);
        let mut changed = false;
        for (index, (length, least)) in parts.iter().enumerate() {
            // length / total * left < least, without a fraction.
            let narrow = u128::from(*length) * u128::from(left) < u128::from(*least) * total;
            if !enlarged[index] && (narrow || total == 0) {
                enlarged[index] = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let (left, total) = rest(parts, &enlarged, room);
    let mut given = 0;
    let mut shares: Vec<Share> = Vec::new();
    for ((length, least), enlarged) in parts.iter().zip(&enlarged) {
        let width = match enlarged {
            true => *least,
            false => {
                u64::try_from(u128::from(*length) * u128::from(left) / total.max(1)).unwrap_or(0)
            }
        };
        given += width;
        shares.push(Share {
            width,
            enlarged: *enlarged,
        });
    }
    // What rounding left over is least seen where there is most.
    let largest = (0..parts.len()).max_by_key(|index| (!enlarged[*index], parts[*index].0));
    if let Some(largest) = largest {
        shares[largest].width += room.saturating_sub(given);
    }
    shares
}

/// The room that is left for the parts that are to scale, and their length in all.
fn rest(parts: &[(u64, u64)], enlarged: &[bool], room: u64) -> (u64, u128) {
    let taken = parts
        .iter()
        .zip(enlarged)
        .filter(|(_, enlarged)| **enlarged);
    let taken: u64 = taken.map(|((_, least), _)| *least).sum();
    let others = parts
        .iter()
        .zip(enlarged)
        .filter(|(_, enlarged)| !**enlarged);
    let total = others.map(|((length, _), _)| u128::from(*length)).sum();
    (room.saturating_sub(taken), total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(parts: &[(u64, u64)], room: u64) -> Vec<(u64, bool)> {
        let shares = shares(parts, room);
        shares
            .iter()
            .map(|share| (share.width, share.enlarged))
            .collect()
    }

    #[test]
    fn parts_are_to_scale_unless_they_would_be_too_narrow() {
        assert_eq!(widths(&[(1, 1), (3, 1)], 80), [(20, false), (60, false)]);
        assert_eq!(widths(&[(1, 4), (1000, 1)], 80), [(4, true), (76, false)]);
        // The second one is only too narrow once the first one was enlarged.
        assert_eq!(
            widths(&[(1, 40), (10, 6), (90, 6)], 80),
            [(40, true), (6, true), (34, false)]
        );
        assert_eq!(widths(&[], 80), []);
        assert_eq!(widths(&[(0, 2), (0, 2)], 80), [(2, true), (78, true)]);
    }

    #[test]
    fn widths_add_up_and_none_is_less_than_its_least() {
        for count in 1..40_u64 {
            let length = |n: u64| 1 << (n * 7 % 45);
            let parts: Vec<(u64, u64)> = (0..count).map(|n| (length(n), 1 + n % 3)).collect();
            let found = shares(&parts, 200);
            assert_eq!(found.iter().map(|share| share.width).sum::<u64>(), 200);
            for (share, (_, least)) in found.iter().zip(&parts) {
                assert!(share.width >= *least, "{found:?}");
                assert!(
                    !share.enlarged || share.width == *least || count == 1,
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn sizes_of_whole_disks_do_not_overflow() {
        let parts = [(u64::MAX / 2, 100), (1, 100), (u64::MAX / 2, 100)];
        let sum: u64 = shares(&parts, 1_000_000).iter().map(|s| s.width).sum();
        assert_eq!(sum, 1_000_000);
    }
}
