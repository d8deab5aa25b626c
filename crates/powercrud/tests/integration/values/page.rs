//! A form as a browser reads it from a page and sends it: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html>.

use crate::web::browser::encode;

/// The inputs of a page's form, by name and value, in order.
#[derive(Clone, Debug)]
pub(super) struct Form(pub(super) Vec<(String, String)>);

impl Form {
    /// The form of a page that is sent to `action`.
    pub(super) fn read(page: &str, action: &str) -> Self {
        // What every parser does first.
        let page = page.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
        let start = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form to {action}: {page}"));
        let form = &page[start..];
        let form = &form[..form.find("</form>").expect("the form's end")];
        let mut inputs = Vec::new();
        let mut rest = form;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let (name, attributes, after) = tag(rest);
            rest = after;
            let get = |name: &str| attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
            let own_name = get("name").unwrap_or_default().to_owned();
            match name.as_str() {
                "input" => {
                    let kind = get("type").unwrap_or("text");
                    let is_sent = !matches!(kind, "checkbox" | "radio") || get("checked").is_some();
                    if is_sent && !own_name.is_empty() {
                        inputs.push((own_name, sanitized(kind, get("value").unwrap_or_default())));
                    }
                }
                "textarea" => {
                    let end = rest.find("</textarea>").expect("the textarea's end");
                    let text = decoded(&rest[..end]);
                    inputs.push((own_name, text.strip_prefix('\n').unwrap_or(&text).to_owned()));
                    rest = &rest[end..];
                }
                "select" => {
                    let end = rest.find("</select>").expect("the select's end");
                    let (mut options, mut selected, mut inner) = (Vec::new(), None, &rest[..end]);
                    while let Some(at) = inner.find("<option") {
                        let (_, attributes, after) = tag(&inner[at + 1..]);
                        let value = attributes.iter().find(|(name, _)| name == "value").map(|(_, value)| value.clone());
                        if attributes.iter().any(|(name, _)| name == "selected") {
                            selected = value.clone();
                        }
                        options.extend(value);
                        inner = after;
                    }
                    inputs.extend(selected.or(options.first().cloned()).map(|value| (own_name, value)));
                    rest = &rest[end..];
                }
                _ => {}
            }
        }
        Self(inputs)
    }

    /// The value of the first input of that name.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no input {name} in {self:?}"))
    }

    /// The same form with one of its radio buttons pressed.
    pub(super) fn choosing(&self, name: &str, value: &str) -> Self {
        let mut inputs = self.0.clone();
        inputs.push((name.to_owned(), value.to_owned()));
        Self(inputs)
    }

    /// The same form after somebody typed `value` over the input of that name.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        self.get(name);
        let replace =
            |(other, old): &(String, String)| (other.clone(), if other == name { value } else { old }.to_owned());
        Self(self.0.iter().map(replace).collect())
    }

    /// As it is sent.
    pub(super) fn body(&self) -> String {
        let crlf = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", encode(&crlf(name)), encode(&crlf(value))));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// What an input makes of its value before anybody touches it.
fn sanitized(kind: &str, value: &str) -> String {
    let digits = |text: &str, lengths: &[usize], separators: &[char]| {
        let parts: Vec<_> = text.split(separators).collect();
        parts.len() == lengths.len()
            && parts
                .iter()
                .zip(lengths)
                .all(|(part, length)| part.len() == *length && part.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let is_date = |text: &str| digits(text, &[4, 2, 2], &['-']) && !text.starts_with("0000") && !text.contains("-00");
    let is_clock = |text: &str| {
        let (hour, _) = text.split_once(':').unwrap_or((text, ""));
        (digits(text, &[2, 2], &[':']) || digits(text, &[2, 2, 2], &[':']))
            && hour.parse::<u8>().is_ok_and(|hour| hour < 24)
    };
    let valid = match kind {
        "number" => value.is_empty() || value.parse::<f64>().is_ok_and(f64::is_finite),
        "date" => is_date(value),
        "time" => is_clock(value),
        "datetime-local" => value.split_once('T').is_some_and(|(date, clock)| is_date(date) && is_clock(clock)),
        "hidden" | "checkbox" | "radio" => return value.to_owned(),
        _ => return value.replace(['\n', '\r'], ""),
    };
    let value = if valid { value } else { "" };
    match (kind, value.strip_suffix(":00")) {
        ("datetime-local", Some(short)) if value.matches(':').count() == 2 => short.to_owned(),
        _ => value.to_owned(),
    }
}

type Tag<'a> = (String, Vec<(String, String)>, &'a str);

/// The name, the attributes and what follows of a tag, from behind its `<`.
fn tag(text: &str) -> Tag<'_> {
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            return (name.to_ascii_lowercase(), attributes, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>')).unwrap_or(rest.len());
        if end == 0 {
            return (name.to_ascii_lowercase(), attributes, &rest[rest.len().min(1)..]);
        }
        let (attribute, after) = rest.split_at(end);
        let quoted = after.strip_prefix("=\"").and_then(|after| after.split_once('"'));
        match quoted {
            Some((value, after)) => {
                attributes.push((attribute.to_owned(), decoded(value)));
                rest = after;
            }
            None => {
                attributes.push((attribute.to_owned(), String::new()));
                rest = after;
            }
        }
    }
}

fn decoded(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((entity, after)) = rest.split_once(';') else {
            plain.push('&');
            continue;
        };
        let number = entity.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
        let number = number.or(entity.strip_prefix('#').map(str::parse));
        let c = match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => number.and_then(Result::ok).and_then(char::from_u32).unwrap_or_else(|| panic!("&{entity};")),
        };
        plain.push(c);
        rest = after;
    }
    plain + rest
}
