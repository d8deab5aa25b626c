//! Filters and keys as SQL conditions over a resource's table.

use sea_orm::sea_query::{Cond, Condition, Expr, ExprTrait as _};

use super::{
    bounds,
    params::{Filter, ListParams},
};
use crate::{
    error::{Error, FieldError, Result},
    resource::{Field, Resource},
};
use powercrud_db::{Column, ColumnType, Dialect, Value};

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The word in query strings and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Ne => "ne",
            Self::Contains => "contains",
            Self::StartsWith => "startswith",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::In => "in",
            Self::IsNull => "isnull",
        }
    }

    /// For people, as it reads between a field and a value.
    pub fn label(self, column: &Column) -> &'static str {
        let moment = matches!(
            column.column_type,
            ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::DateTimeTz
        );
        match self {
            Self::Exact => "is",
            Self::Ne => "is not",
            Self::Contains => "contains",
            Self::StartsWith => "starts with",
            Self::Gt if moment => "after",
            Self::Gte if moment => "from",
            Self::Lt if moment => "before",
            Self::Lte if moment => "until",
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

/// Checks filters without building SQL for a particular database.
pub(super) fn check(resource: &Resource, params: &ListParams) -> Result<()> {
    condition(resource, params, Dialect::Sqlite).map(|_| ())
}

/// The WHERE of a list, or of "all that match".
pub(crate) fn condition(resource: &Resource, params: &ListParams, dialect: Dialect) -> Result<Condition> {
    bounds::check(params)?;
    let mut all = Cond::all().add_option(resource.table.own_rows());
    let mut errors = Vec::new();
    for filter in &params.filters {
        match filter_condition(resource, filter, dialect) {
            Ok(condition) => all = all.add(condition),
            Err(error) => errors.push(error),
        }
    }
    if let Some(in_task) = params.in_task {
        all = all.add(in_task.condition(resource, dialect));
    }
    for word in params.search.split_whitespace() {
        let mut any = Cond::any();
        for field in resource.search_fields() {
            let text = dialect.searchable(&field.column, Expr::col(resource.table.column_ref(&field.name)));
            any = any.add(dialect.contains(text, word));
        }
        // A resource without search fields matches nothing by words rather than everything.
        all = all.add(if any.is_empty() { Cond::all().add(Expr::cust("1 = 0")) } else { any });
    }
    if errors.is_empty() { Ok(all) } else { Err(Error::Invalid(errors)) }
}

fn filter_condition(resource: &Resource, filter: &Filter, dialect: Dialect) -> Result<Expr, FieldError> {
    let field = resource.require_field(&filter.field)?;
    let plain = || Expr::col(resource.table.column_ref(&field.name));
    let column = || dialect.moment(&field.column, plain());
    let value = || operand(field, &filter.value, dialect);
    let equals =
        || Value::parse(&held(field), &filter.value).map(|value| dialect.equals(&field.column, plain(), &value));
    // Of what is not text, the text that is shown.
    let text = || match field.column.column_type {
        ColumnType::Text { .. } => dialect.searchable(&field.column, plain()),
        _ => dialect.read_value(&field.column, plain()),
    };
    Ok(match filter.operator {
        Operator::Exact => equals()?,
        Operator::Ne => equals()?.not().or(plain().is_null()),
        Operator::Gt => column().gt(value()?),
        Operator::Gte => column().gte(value()?),
        Operator::Lt => column().lt(value()?),
        Operator::Lte => column().lte(value()?),
        Operator::Contains => dialect.contains(text(), &filter.value),
        Operator::StartsWith => dialect.starts_with(text(), &filter.value),
        Operator::In => {
            let parts = filter.value.split(',').map(|part| operand(field, one_of(&field.column, part), dialect));
            column().is_in(parts.collect::<Result<Vec<_>, _>>()?)
        }
        Operator::IsNull => match Value::parse(&flag(&field.column), &filter.value)? {
            Value::Boolean(true) => plain().is_null(),
            _ => plain().is_not_null(),
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

/// The field's column without lengths and digits that its database does not keep to, for what may be there to be found.
fn held(field: &Field) -> Column {
    let column = &field.column;
    let column_type = match &column.column_type {
        ColumnType::Text { .. } if column.holds_anything() => ColumnType::Text { max_length: None },
        ColumnType::Decimal { .. } if column.holds_anything() => ColumnType::Decimal { precision: None, scale: None },
        column_type => column_type.clone(),
    };
    Column { column_type, ..column.clone() }
}

fn operand(field: &Field, text: &str, dialect: Dialect) -> Result<Expr, FieldError> {
    let value = Value::parse(&held(field), text)?;
    Ok(dialect.moment(&field.column, dialect.comparable(&field.column, &value)))
}
