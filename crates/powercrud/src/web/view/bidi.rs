//! Values inside sentences: one that is written from right to left, or that holds control characters for that, orders itself and nothing of
//! the sentence around it.

/// First strong isolate, and pop directional isolate (Unicode Standard Annex 9).
const BEGIN: char = '\u{2068}';
const END: char = '\u{2069}';

/// `text` for the middle of a sentence. What could not reorder anything is left as it is.
pub(in crate::web) fn isolated(text: &str) -> String {
    if !text.contains(reorders) {
        return text.to_owned();
    }
    let mut isolated = String::from(BEGIN);
    let mut open = 0_usize;
    for c in text.chars() {
        match c {
            '\u{2066}'..='\u{2068}' => open += 1,
            // It would end what is around it.
            END if open == 0 => continue,
            END => open -= 1,
            _ => {}
        }
        isolated.push(c);
    }
    isolated.extend(std::iter::repeat_n(END, open + 1));
    isolated
}

/// Letters of scripts from right to left, and the control characters.
fn reorders(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::isolated;

    fn check(text: &str, expected: &str) {
        assert_eq!(isolated(text), expected, "{text:?}");
    }

    #[test]
    fn what_reorders_is_closed_in_and_nothing_gets_out() {
        check("plain: 1 → 2, é", "plain: 1 → 2, é");
        check("שלום", "\u{2068}שלום\u{2069}");
        check("\u{202e}evil", "\u{2068}\u{202e}evil\u{2069}");
        check("a\u{2069}\u{202e}b", "\u{2068}a\u{202e}b\u{2069}");
        check("\u{2067}a", "\u{2068}\u{2067}a\u{2069}\u{2069}");
        check("\u{2067}a\u{2069}b", "\u{2068}\u{2067}a\u{2069}b\u{2069}");
    }
}
