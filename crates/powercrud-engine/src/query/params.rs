//! What a list page shows, as the address bar holds it: filters, search, order, page.

use super::{bounds, in_task::InTask};
use crate::{
    error::{Error, FieldError, Result},
    filter::{Filter, Operator},
    resource::Resource,
};

/// A list page's state. [`ListParams::parse`] and [`ListParams::to_pairs`] are each other's inverse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListParams {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// What the search box holds; every word must occur in some search field.
    pub search: String,
    /// Only the records that a bulk task left with an outcome.
    pub in_task: Option<InTask>,
    /// In order of weight; empty means the resource's own order.
    pub ordering: Vec<Ordering>,
    /// From 1.
    pub page: u64,
    /// Records a page; 0 means the resource's own.
    pub page_size: u64,
    /// What was asked for and can't be: kept in addresses, so that nothing typed is lost, and part of no condition.
    pub refused: Vec<Refused>,
}

/// A pair of the query string that does not fit the resource, with what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The parameter's name.
    pub key: String,
    /// What was asked for, as it was typed.
    pub value: String,
    /// Why it does not fit.
    pub error: FieldError,
}

impl Refused {
    /// Field and operator, where it is a filter and not a page or an order.
    pub fn filter<'a>(&'a self, resource: &Resource) -> Option<(&'a str, Option<&'a str>)> {
        if RESERVED.contains(&self.key.as_str()) {
            return None;
        }
        let whole = resource.filter_fields().any(|field| field.name == self.key);
        match self.key.rsplit_once("__") {
            Some((name, operator)) if !whole => Some((name, Some(operator))),
            _ => Some((&self.key, None)),
        }
    }
}

/// One field of the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordering {
    /// The field's name.
    pub field: String,
    /// From large to small.
    pub descending: bool,
}

/// Names in the query string that are not fields. A field of such a name is filtered by as `field__exact`.
pub(crate) const RESERVED: [&str; 5] = ["q", "ordering", "page", "page_size", InTask::NAME];

/// Pairs that are looked at one by one, where one of them does not fit, and the most letters in all of them: all of it is shown again.
const MOST_TYPED: usize = 50;
const MOST_LETTERS: usize = 10_000;

/// So that no database's numbers overflow.
const LAST_PAGE: u64 = 1_000_000_000;

impl ListParams {
    /// Reads a query string's pairs and checks every part.
    ///
    /// # Errors
    /// [`Error::Invalid`] with one entry for each unknown field, operator that does not fit, and value of the wrong type.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(resource: &Resource, pairs: &[(K, V)]) -> Result<Self> {
        Self::read(resource, pairs, false)
    }

    /// As [`ListParams::parse`], also reads [`ListParams::in_task`]. The caller asks whether the user may see that task.
    pub fn parse_with_task<K: AsRef<str>, V: AsRef<str>>(resource: &Resource, pairs: &[(K, V)]) -> Result<Self> {
        Self::read(resource, pairs, true)
    }

    /// As [`ListParams::parse_with_task`], but what does not fit is set aside in `refused` instead of refusing all of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is more wrong than a person would type.
    pub fn parse_what_fits(resource: &Resource, pairs: &[(String, String)]) -> Result<Self> {
        let letters: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
        let whole = match Self::parse_with_task(resource, pairs) {
            Err(error @ Error::Invalid(_)) if pairs.len() <= MOST_TYPED && letters <= MOST_LETTERS => error,
            result => return result,
        };
        let mut fitting: Vec<(String, String)> = Vec::new();
        let mut refused = Vec::new();
        for (key, value) in pairs {
            fitting.push((key.clone(), value.clone()));
            if let Err(Error::Invalid(errors)) = Self::parse_with_task(resource, &fitting) {
                fitting.pop();
                for error in errors.into_iter().take(1) {
                    refused.push(Refused { key: key.clone(), value: value.clone(), error });
                }
            }
        }
        match Self::parse_with_task(resource, &fitting) {
            Ok(params) if !refused.is_empty() => Ok(Self { refused, ..params }),
            _ => Err(whole),
        }
    }

    fn read<K: AsRef<str>, V: AsRef<str>>(resource: &Resource, pairs: &[(K, V)], with_task: bool) -> Result<Self> {
        let filters = pairs.iter().filter(|(key, _)| !RESERVED.contains(&key.as_ref())).count();
        bounds::filters(filters).map_err(|error| Error::Invalid(vec![error]))?;
        let mut params = Self { page: 1, ..Self::default() };
        let mut errors = Vec::new();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.as_ref());
            match key {
                "q" => params.search = value.trim().to_owned(),
                InTask::NAME if with_task => match InTask::parse(value) {
                    Ok(in_task) => params.in_task = Some(in_task),
                    Err(error) => errors.push(error),
                },
                "page" => match value.parse() {
                    Ok(page) if (1..=LAST_PAGE).contains(&page) => params.page = page,
                    _ => errors.push(FieldError::new(
                        key,
                        "INVALID_TYPE",
                        format!("{value:?} is not a page number from 1 to {LAST_PAGE}"),
                    )),
                },
                "page_size" => match value.parse() {
                    Ok(size) if (1..=1000).contains(&size) => params.page_size = size,
                    _ => errors.push(FieldError::new(
                        key,
                        "OUT_OF_RANGE",
                        format!("{value:?} is not a number from 1 to 1000"),
                    )),
                },
                "ordering" => {
                    let orderings = Ordering::parse_list(resource, value);
                    if let Err(error) = bounds::orderings(orderings.len()) {
                        errors.push(error);
                        continue;
                    }
                    for ordering in orderings {
                        match resource.require_field(&ordering.field) {
                            Ok(field) => params.ordering.push(Ordering { field: field.name.clone(), ..ordering }),
                            Err(error) => errors.push(error),
                        }
                    }
                }
                _ => match Filter::parse(resource, key, value) {
                    Ok(filter) => params.filters.push(filter),
                    Err(error) => errors.push(error),
                },
            }
        }
        if let Err(Error::Invalid(more)) = super::condition::check(resource, &params) {
            errors.extend(more);
        }
        if errors.is_empty() { Ok(params) } else { Err(Error::Invalid(errors)) }
    }

    /// Parses `FIELD=VALUE` and `FIELD__OP=VALUE` conditions.
    pub fn from_conditions<S: AsRef<str>>(resource: &Resource, conditions: &[S]) -> Result<Self> {
        let mut pairs = Vec::new();
        for condition in conditions {
            let condition = condition.as_ref();
            let (key, value) = condition.split_once('=').ok_or_else(|| {
                Error::invalid(condition, "INVALID_FILTER", "a filter is FIELD=VALUE or FIELD__OPERATOR=VALUE")
            })?;
            // On the command line every name is a field's.
            let key = if RESERVED.contains(&key) { format!("{key}__exact") } else { key.to_owned() };
            pairs.push((key, value.to_owned()));
        }
        Self::parse(resource, &pairs)
    }

    /// The pairs of the query string that says the same; what is default is left out.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.filter_pairs();
        if !self.ordering.is_empty() {
            let names: Vec<_> = self.ordering.iter().map(Ordering::to_text).collect();
            pairs.push(("ordering".into(), names.join(",")));
        }
        if self.page > 1 {
            pairs.push(("page".into(), self.page.to_string()));
        }
        if self.page_size > 0 {
            pairs.push(("page_size".into(), self.page_size.to_string()));
        }
        pairs.extend(self.refused.iter().map(|refused| (refused.key.clone(), refused.value.clone())));
        pairs
    }

    /// The pairs that say which records match, without order and page.
    pub fn filter_pairs(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = self.filters.iter().map(|filter| (filter.key(), filter.value.clone())).collect();
        if !self.search.is_empty() {
            pairs.push(("q".into(), self.search.clone()));
        }
        if let Some(in_task) = self.in_task {
            pairs.push((InTask::NAME.into(), in_task.to_text()));
        }
        pairs
    }

    /// Whether nothing says which records match.
    pub fn is_unfiltered(&self) -> bool {
        self.filters.is_empty() && self.search.trim().is_empty() && self.in_task.is_none()
    }

    /// Whether what is said of the records is said of every one that has a value: that a text contains nothing, for instance.
    pub fn says_nothing(&self) -> bool {
        let says_nothing = |filter: &Filter| {
            filter.value.is_empty() && matches!(filter.operator, Operator::Contains | Operator::StartsWith)
        };
        self.search.trim().is_empty() && self.in_task.is_none() && self.filters.iter().all(says_nothing)
    }
}

impl Ordering {
    /// `name`, or `-name` to descend.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(field) => Self { field: field.to_owned(), descending: true },
            None => Self { field: text.to_owned(), descending: false },
        }
    }

    /// Names with commas between them. A name that stands for something else there can be written in double quotes, two of which within it
    /// are one of its own; where nothing else is meant, it needs none.
    fn parse_list(resource: &Resource, list: &str) -> Vec<Self> {
        let is_field = |name: &str| resource.field(name).is_some();
        let plain = |text: &str| {
            let ordering = Self::parse(text);
            match is_field(text) && !is_field(&ordering.field) {
                true => Self { field: text.to_owned(), descending: false },
                false => ordering,
            }
        };
        let whole = plain(list);
        if is_field(&whole.field) {
            return vec![whole];
        }
        let mut orderings = Vec::new();
        let mut rest = list;
        while !rest.is_empty() {
            let unsigned = rest.strip_prefix('-').unwrap_or(rest);
            if let Some((field, after)) = unsigned.strip_prefix('"').and_then(unquoted) {
                orderings.push(Self { field, descending: unsigned.len() < rest.len() });
                rest = after;
                continue;
            }
            let (name, after) = rest.split_once(',').unwrap_or((rest, ""));
            if !name.is_empty() {
                orderings.push(plain(name));
            }
            rest = after;
        }
        orderings
    }

    fn to_text(&self) -> String {
        let name = match self.field.starts_with(['-', '"']) || self.field.contains(',') || self.field.is_empty() {
            true => format!("\"{}\"", self.field.replace('"', "\"\"")),
            false => self.field.clone(),
        };
        format!("{}{name}", if self.descending { "-" } else { "" })
    }
}

/// A name from behind its first quote, and what follows the comma after it; `None` where no quote ends it there.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None if after.is_empty() => return Some((name, after)),
            None => return after.strip_prefix(',').map(|after| (name, after)),
        }
    }
}

impl Filter {
    /// The key in the query string.
    pub fn key(&self) -> String {
        match self.operator {
            Operator::Exact if !RESERVED.contains(&self.field.as_str()) => self.field.clone(),
            operator => format!("{}__{}", self.field, operator.name()),
        }
    }

    fn parse(resource: &Resource, key: &str, value: &str) -> Result<Self, FieldError> {
        let whole = || resource.filter_fields().find(|field| field.name == key);
        let (name, operator) = match key.rsplit_once("__") {
            // A field may itself have two underscores in its name.
            Some((name, operator)) if whole().is_none() => (name, Some(operator)),
            _ => (key, None),
        };
        let field = resource.require_field(name)?;
        if !resource.filter_fields().any(|other| other.name == field.name) {
            let allowed: Vec<_> = resource.filter_fields().map(|field| field.name.as_str()).collect();
            let message = format!("can't be filtered by; allowed are: {}", allowed.join(", "));
            return Err(FieldError::new(name, "UNKNOWN_FIELD", message));
        }
        let allowed = Operator::fit_for(&field.column);
        let operator = match operator {
            None => Operator::Exact,
            Some(word) => allowed.iter().copied().find(|operator| operator.name() == word).ok_or_else(|| {
                let names: Vec<_> = allowed.iter().map(|operator| operator.name()).collect();
                FieldError::new(
                    name,
                    "UNKNOWN_OPERATOR",
                    format!("{word:?} is not an operator for this field; allowed are: {}", names.join(", ")),
                )
            })?,
        };
        Ok(Self { field: field.name.clone(), operator, value: value.to_owned() })
    }
}
