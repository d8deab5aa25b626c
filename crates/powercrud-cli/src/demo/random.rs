//! Repeatable randomness: the same seed gives the same bookshop on every machine and with every release.

/// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>: small, quick and good enough for titles and prices.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u64) as usize]
    }

    /// A date in one of the years `from..=to`, as `2026-01-31`. The 29th to 31st are nobody's.
    pub(super) fn date(&mut self, from: u64, to: u64) -> String {
        format!("{}-{:02}-{:02}", self.between(from, to), self.between(1, 12), self.between(1, 28))
    }

    /// `pattern` with each `{word}` replaced by one of the words that `lists` has under that name, the first letter a capital.
    /// Panics where a pattern names no list.
    pub(super) fn fill(&mut self, pattern: &str, lists: &[(&str, &[&str])]) -> String {
        let mut filled = String::with_capacity(pattern.len() + 24);
        let mut rest = pattern;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(b, tail)| Some((b, tail.split_once('}')?)))
        {
            filled.push_str(before);
            let words = lists.iter().find(|(list, _)| *list == name).map_or(&[][..], |(_, words)| words);
            let word = self.pick(words);
            if filled.ends_with("A ") && word.starts_with(['A', 'E', 'I', 'O', 'U']) {
                filled.insert(filled.len() - 1, 'n');
            }
            filled.push_str(word);
            rest = after;
        }
        filled.push_str(rest);
        filled[..1].make_ascii_uppercase();
        filled
    }
}
