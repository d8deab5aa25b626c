//! Filters of a role's rows, which name attributes of the user: `publisher_id={user.publisher}`.

use crate::{
    filter::{self, Filter, Operator},
    policy::rows::check,
    resource::Resource,
    user::User,
    words::listed,
};
use powercrud_db::Dialect;

/// A filter whose value is made for each user.
#[derive(Clone, Debug)]
pub(super) struct Template {
    column: String,
    operator: Operator,
    value: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Attribute(String),
}

impl Template {
    /// Reads `COLUMN=VALUE` or `COLUMN__OPERATOR=VALUE`, as it stands in the address of a list.
    ///
    /// # Errors
    /// Says what is wrong with it, and what is allowed.
    pub(super) fn read(text: &str, resource: &Resource, dialect: Dialect) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} is no filter; allowed is COLUMN=VALUE or COLUMN__OPERATOR=VALUE, such as \"shop_id={{user.shop}}\"")
        })?;
        let (column, operator) = match key.rsplit_once("__") {
            Some((column, word)) if resource.table.column(key).is_none() => (column, word),
            _ => (key, Operator::Exact.name()),
        };
        let operator = operator
            .parse()
            .map_err(|_| format!("{operator:?} is no operator; allowed are: {}", listed(Operator::ALL)))?;
        let value = pieces(value)?;
        let plain = value.iter().all(|piece| matches!(piece, Piece::Text(_)));
        let template = Self { column: column.to_owned(), operator, value };
        let sample = template.filter(&User::default()).unwrap_or_else(|| Filter {
            field: column.to_owned(),
            operator,
            value: String::new(),
        });
        let column = check(&resource.table, &sample)?;
        if plain {
            filter::condition(&resource.table, column, &sample, dialect).map_err(|error| error.to_string())?;
            // A database whose cells may hold anything would look for it, and a slip of the pen gives nobody any rows.
            if let Some((_, error)) = filter::misfits(column, &sample).into_iter().next() {
                return Err(error.to_string());
            }
        }
        Ok(template)
    }

    /// The filter for a user; `None` where the user lacks an attribute that it needs.
    pub(super) fn filter(&self, user: &User) -> Option<Filter> {
        let mut value = String::new();
        for piece in &self.value {
            match piece {
                Piece::Text(text) => value.push_str(text),
                Piece::Attribute(name) => value.push_str(attribute(user, name)?),
            }
        }
        Some(Filter { field: self.column.clone(), operator: self.operator, value })
    }
}

/// What is known of a user under that name: what was given goes before what every user has. What is empty is not known: every text begins
/// with it.
fn attribute<'a>(user: &'a User, name: &str) -> Option<&'a str> {
    let own = user.attributes.get(name).map(String::as_str).or(match name {
        "id" => user.id.as_deref(),
        "name" => Some(user.name.as_str()),
        "email" => user.email.as_deref(),
        _ => None,
    });
    own.filter(|value| !value.is_empty())
}

/// Whether an attribute may be called so.
pub fn is_attribute(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 64
}

/// A value's pieces; two braces stand for one.
fn pieces(value: &str) -> Result<Vec<Piece>, String> {
    let refuse = || {
        format!(
            "{value:?}: allowed between braces is an attribute of the user, such as {{user.shop}}; {{{{ and }}}} stand for a brace each"
        )
    };
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), value);
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(brace) = ["{{", "}}"].into_iter().find(|pair| rest.starts_with(pair)) {
            text.push_str(&brace[..1]);
            rest = &rest[2..];
            continue;
        }
        let inner = rest.strip_prefix("{user.").and_then(|rest| rest.split_once('}'));
        let (name, after) = inner.filter(|(name, _)| is_attribute(name)).ok_or_else(refuse)?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Attribute(name.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&[Piece]>) {
        assert_eq!(pieces(value).ok().as_deref(), expected, "{value:?}");
    }

    #[test]
    fn attributes_stand_between_braces() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let attribute = |name: &str| Piece::Attribute(name.to_owned());
        check("7", Some(&[text("7")]));
        check("", Some(&[text("")]));
        check("{user.shop}", Some(&[attribute("shop")]));
        check("a-{user.shop}-{user.id}", Some(&[text("a-"), attribute("shop"), text("-"), attribute("id")]));
        check("{{user.shop}}", Some(&[text("{user.shop}")]));
        for wrong in ["{user.}", "{shop}", "{user.shop", "shop}", "{user.sh op}", "{user.1}"] {
            check(wrong, None);
        }
    }

    #[test]
    fn an_attribute_is_a_value_whatever_it_holds() {
        let template = Template {
            column: "shop_id".into(),
            operator: Operator::Exact,
            value: vec![Piece::Attribute("shop".into())],
        };
        let odd = "7&status=x' OR 1=1 -- {user.id}";
        let filter = template.filter(&User::new("1", "Ann").attribute("shop", odd)).unwrap();
        assert_eq!((filter.field.as_str(), filter.value.as_str()), ("shop_id", odd));
        for lacking in [User::new("1", "Ann"), User::new("1", "Ann").attribute("shop", "")] {
            assert_eq!(template.filter(&lacking), None);
        }
    }
}
