//! Filters: one column, how to compare, and with what; as SQL conditions over a table.

use sea_orm::sea_query::{Expr, ExprTrait as _};

use crate::error::{FieldError, Result};
use powercrud_db::{Column, ColumnType, Dialect, Table, Value};

/// One condition on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The field's name.
    pub field: String,
    /// How to compare.
    pub operator: Operator,
    /// What with, as text; several values of `in` are separated by commas.
    pub value: String,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Operator {
    /// Equal.
    Exact,
    /// Not equal, or NULL.
    Ne,
    /// Contains the text, whatever the case.
    Contains,
    /// Begins with the text, whatever the case.
    StartsWith,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Gte,
    /// Less than.
    Lt,
    /// Less than or equal.
    Lte,
    /// One of several, separated by commas.
    In,
    /// `true`: has no value; `false`: has one.
    IsNull,
}

impl Operator {
    /// All of them.
    pub(crate) const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The word in query strings and on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// For people, as it reads between a field and a value.
    pub fn label(self, column: &Column) -> &'static str {
        let timestamp = matches!(
            column.column_type,
            ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::DateTimeTz
        );
        match self {
            Self::Exact => "is",
            Self::Ne => "is not",
            Self::Contains => "contains",
            Self::StartsWith => "starts with",
            Self::Gt if timestamp => "after",
            Self::Gte if timestamp => "from",
            Self::Lt if timestamp => "before",
            Self::Lte if timestamp => "until",
            Self::Gt => "more than",
            Self::Gte => "at least",
            Self::Lt => "less than",
            Self::Lte => "at most",
            Self::In => "is one of",
            Self::IsNull => "is empty",
        }
    }

    /// The operators that make sense for a column's type, the usual one first.
    pub fn fit_for(column: &Column) -> &'static [Self] {
        use Operator::*;
        match &column.column_type {
            // A cell may hold anything there, which its text finds.
            ColumnType::Boolean if column.holds_anything() => &[Exact, Ne, IsNull, Contains],
            ColumnType::Uuid if column.holds_anything() => &[Exact, Ne, In, IsNull, Contains],
            ColumnType::Integer { .. } | ColumnType::Decimal { .. } | ColumnType::Float if column.holds_anything() => {
                &[Exact, Ne, Gt, Gte, Lt, Lte, In, IsNull, Contains]
            }
            ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::DateTimeTz
                if column.holds_anything() =>
            {
                &[Exact, Ne, Gte, Lte, Gt, Lt, IsNull, Contains]
            }
            ColumnType::Boolean => &[Exact, Ne, IsNull],
            ColumnType::Integer { .. } | ColumnType::Decimal { .. } | ColumnType::Float => {
                &[Exact, Ne, Gt, Gte, Lt, Lte, In, IsNull]
            }
            ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::DateTimeTz => {
                &[Exact, Ne, Gte, Lte, Gt, Lt, IsNull]
            }
            ColumnType::Text { .. } if !column.choices.is_empty() => &[Exact, Ne, In, Contains, IsNull],
            ColumnType::Text { .. } => &[Contains, Exact, Ne, StartsWith, Gt, Gte, Lt, Lte, In, IsNull],
            ColumnType::Enum | ColumnType::Uuid => &[Exact, Ne, In, IsNull],
            ColumnType::Json | ColumnType::Other => &[Contains, Exact, Ne, IsNull],
            ColumnType::Bytes => &[IsNull],
        }
    }
}

/// What `filter` says of a row of `table`, about its `column`.
///
/// # Errors
/// Where the value is none of the column's type.
pub(crate) fn condition(table: &Table, field: &Column, filter: &Filter, dialect: Dialect) -> Result<Expr, FieldError> {
    let plain = || table.value_of(field);
    let column = || dialect.timestamp(field, plain());
    let value = || operand(field, &filter.value, dialect);
    let equals = |value: Value| dialect.equals(field, plain(), &value);
    // Of what is not text, the text that is shown.
    let text = || match field.column_type {
        ColumnType::Text { .. } => dialect.searchable(field, plain()),
        _ => dialect.read_value(field, plain()),
    };
    Ok(match filter.operator {
        Operator::Exact => equals(sought(field, &filter.value)?),
        // A slip of the finger would match all.
        Operator::Ne => equals(Value::parse(&held(field), &filter.value)?).not().or(dialect.is_null(field, plain())),
        Operator::Gt => column().gt(value()?),
        Operator::Gte => column().gte(value()?),
        Operator::Lt => column().lt(value()?),
        Operator::Lte => column().lte(value()?),
        Operator::Contains => dialect.contains(text(), &filter.value),
        Operator::StartsWith => dialect.starts_with(text(), &filter.value),
        Operator::In => {
            let (mut parts, mut misfits) = (Vec::new(), Vec::new());
            for part in filter.value.split(',').map(|part| one_of(field, part)) {
                match sought(field, part)? {
                    misfit @ Value::Raw(_) => misfits.push(equals(misfit)),
                    value => parts.push(bound(field, &value, dialect)),
                }
            }
            misfits.into_iter().fold(column().is_in(parts), Expr::or)
        }
        Operator::IsNull => match Value::parse(&flag(field), &filter.value)? {
            Value::Boolean(true) => dialect.is_null(field, plain()),
            _ => dialect.is_not_null(field, plain()),
        },
    })
}

/// One of several values. Blanks around it belong to a text, unless only some texts are allowed and it is none of them.
fn one_of<'a>(column: &Column, part: &'a str) -> &'a str {
    let is_free = matches!(column.column_type, ColumnType::Text { .. }) && column.choices.is_empty();
    if is_free || column.choices.iter().any(|choice| choice == part) { part } else { part.trim() }
}

/// A column of the same name that holds true or false, to read the operand of `isnull`.
fn flag(column: &Column) -> Column {
    Column { column_type: ColumnType::Boolean, choices: Vec::new(), ..column.clone() }
}

/// The column without lengths and digits that its database does not keep to, for what may be there to be found.
fn held(column: &Column) -> Column {
    let column_type = match &column.column_type {
        ColumnType::Text { .. } if column.holds_anything() => ColumnType::Text { max_length: None },
        ColumnType::Decimal { .. } if column.holds_anything() => ColumnType::Decimal { precision: None, scale: None },
        column_type => column_type.clone(),
    };
    Column { column_type, ..column.clone() }
}

/// What equals `text`: a value of the column's type, or, where its cells may hold anything, that text itself.
fn sought(field: &Column, text: &str) -> Result<Value, FieldError> {
    let may_be_held = field.holds_anything() && field.choices.is_empty() && !text.contains('\0');
    match Value::parse(&held(field), text) {
        Err(_) if may_be_held => Ok(Value::Raw(text.to_owned())),
        parsed => parsed,
    }
}

/// The texts that `filter` looks for which are no value of the column's type, and which a cell may hold all the same; each with what is
/// wrong with it.
pub(crate) fn misfits(field: &Column, filter: &Filter) -> Vec<(String, FieldError)> {
    let parts: Vec<_> = match filter.operator {
        Operator::Exact => vec![filter.value.as_str()],
        Operator::In => filter.value.split(',').map(|part| one_of(field, part)).collect(),
        _ => Vec::new(),
    };
    let misfit = |text: &str| match (sought(field, text), Value::parse(&held(field), text)) {
        (Ok(Value::Raw(raw)), Err(error)) => Some((raw, error)),
        _ => None,
    };
    parts.into_iter().filter_map(misfit).collect()
}

fn operand(field: &Column, text: &str, dialect: Dialect) -> Result<Expr, FieldError> {
    Ok(bound(field, &Value::parse(&held(field), text)?, dialect))
}

fn bound(field: &Column, value: &Value, dialect: Dialect) -> Expr {
    dialect.timestamp(field, dialect.comparable(field, value))
}
