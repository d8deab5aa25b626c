//! Decimals as some databases show and all people may type them: `1.5e3` is `1500`.

/// The largest exponent that is taken: beyond what a floating point number can be, and far within what a decimal can.
const LARGEST: i32 = 400;

/// The digits of a decimal that is written with an exponent; `None` where it is not written so.
pub(super) fn digits(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    if !super::parse::is_decimal(mantissa) {
        return None;
    }
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= LARGEST)?;
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.trim_start_matches('+')),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    Some(if point <= 0 {
        format!("{sign}0.{}{all}", "0".repeat(point.unsigned_abs() as usize))
    } else if point as usize >= all.len() {
        format!("{sign}{all}{}", "0".repeat(point as usize - all.len()))
    } else {
        let (whole, fraction) = all.split_at(point as usize);
        format!("{sign}{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn the_point_moves() {
        for (text, expected) in [
            ("1e3", Some("1000")),
            ("-1.5E2", Some("-150")),
            ("+1.25e1", Some("12.5")),
            ("5e-3", Some("0.005")),
            (".5e0", Some("0.5")),
            ("12.5e-1", Some("1.25")),
            ("1e401", None),
            ("e5", None),
            ("1e", None),
            ("12.5", None),
            ("NaN", None),
        ] {
            assert_eq!(digits(text).as_deref(), expected, "{text}");
        }
    }
}
