//! Findings up to a bound: whoever has thousands is told the worst. Pure.

/// Collects findings.
///
/// Errors have room of their own: however much else is found before, none is lost, since the exit code depends on them.
#[derive(Clone, Debug)]
pub(crate) struct Bounded<T> {
    found: Vec<T>,
    errors: usize,
    most: usize,
}

impl<T> Bounded<T> {
    /// Will keep `most` findings in the end, and until then twice as many errors and twice as many others, since some are
    /// there twice.
    pub fn new(most: usize) -> Self {
        Self {
            found: Vec::new(),
            errors: 0,
            most,
        }
    }

    /// Adds a finding, unless there are too many of its like.
    pub fn add(&mut self, finding: T, is_error: bool) {
        let alike = match is_error {
            true => self.errors,
            false => self.found.len() - self.errors,
        };
        if alike < 2 * self.most {
            self.errors += usize::from(is_error);
            self.found.push(finding);
        }
    }

    /// The findings so far.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.found.iter()
    }

    /// The findings in the order of `key`, each once; of too many those with the least `lightness`, and of equal ones the first.
    pub fn sorted<K: Ord, L: Ord>(
        self,
        key: impl FnMut(&T) -> K,
        lightness: impl Fn(&T) -> L,
    ) -> Vec<T>
    where
        T: PartialEq,
    {
        let mut found = self.found;
        found.sort_by_cached_key(key);
        found.dedup();
        if found.len() > self.most {
            let mut heaviest: Vec<(usize, T)> = found.into_iter().enumerate().collect();
            heaviest.sort_by_key(|(_, it)| lightness(it));
            heaviest.truncate(self.most);
            heaviest.sort_by_key(|(index, _)| *index);
            found = heaviest.into_iter().map(|(_, it)| it).collect();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number and weight: 0 for an error.
    type Finding = (u32, u8);

    fn of(found: impl IntoIterator<Item = Finding>, most: usize) -> Vec<Finding> {
        let mut all = Bounded::new(most);
        for it in found {
            all.add(it, it.1 == 0);
        }
        all.sorted(|it| it.0, |it| it.1)
    }

    #[test]
    fn an_error_behind_thousands_of_remarks_is_kept() {
        let remarks = (0..5000).map(|number| (number, 3));
        let found = of(remarks.chain([(9000, 0), (9001, 2)]), 100);
        assert_eq!(found.len(), 100);
        assert_eq!(found[98..], [(98, 3), (9000, 0)]);
    }

    #[test]
    fn errors_are_bounded_as_well() {
        let found = of((0..5000).map(|number| (number, 0)), 100);
        assert_eq!(
            found,
            (0..100).map(|number| (number, 0)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn of_too_many_the_heaviest_stay_in_their_order() {
        let found = of([(1, 3), (2, 1), (3, 2), (4, 3), (5, 0), (5, 0)], 3);
        assert_eq!(found, [(2, 1), (3, 2), (5, 0)]);
        assert_eq!(of([(2, 3), (1, 3), (2, 3)], 3), [(1, 3), (2, 3)]);
    }
}
