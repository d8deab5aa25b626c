//! "Add filter": one condition, with the operators and the input that fit its field.

use axum::{
    extract::{Path, RawQuery},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::{
    context::RequestContext,
    detail::crumbs,
    error::{WebResult, sentence},
    list,
    paths::{parse_query, query, unmark, with_query},
    view::{self, ChoiceView, Link, Widget},
};
use powercrud_engine::{
    query::{Filter, ListParams, Operator},
    resource::{Field, Resource},
};

#[derive(Serialize)]
pub(super) struct AddFilter {
    action: String,
    form_href: String,
    /// The list's state, as a query string.
    list: String,
    field: String,
    fields: Vec<ChoiceView>,
    operator: String,
    operators: Vec<ChoiceView>,
    widget: Widget,
    /// Whether it holds what was typed wrongly, and so is to be seen at once.
    mends: bool,
}

/// The form for a filter on `chosen`, else on the first field; `None` where nothing can be filtered by.
pub(super) fn add_filter(
    context: &RequestContext,
    resource: &Resource,
    params: &ListParams,
    chosen: Option<&str>,
) -> Option<AddFilter> {
    let field = resource
        .filter_fields()
        .find(|field| Some(field.name.as_str()) == chosen)
        .or_else(|| resource.filter_fields().find(|field| !field.key))
        .or_else(|| resource.filter_fields().next())?;
    let operators = Operator::fit_for(&field.column);
    let operators = operators.iter().filter(|operator| **operator != Operator::IsNull || field.nullable());
    let operators = operators.flat_map(|operator| {
        let choice = ChoiceView::new(operator.name(), operator.label(&field.column));
        let opposite = (*operator == Operator::IsNull).then(|| ChoiceView::new(NOT_NULL, "is not empty"));
        std::iter::once(choice).chain(opposite)
    });
    let operators: Vec<_> = operators.collect();
    Some(AddFilter {
        action: context.paths.under(&resource.name, "filter"),
        form_href: context.paths.under(&resource.name, "filter/form"),
        list: query(&ListParams { page: 1, ..params.clone() }.to_pairs()),
        field: field.name.clone(),
        fields: resource.filter_fields().map(|field| ChoiceView::new(&field.name, &field.label)).collect(),
        operator: operators.first().map(|operator| operator.value.clone()).unwrap_or_default(),
        operators,
        widget: operand(context, resource, field),
        mends: false,
    })
}

/// The form with the first filter that is not applied, as it was typed and with what is wrong with it; `None` where there is none on a
/// field of the form.
pub(super) fn to_mend(context: &RequestContext, resource: &Resource, params: &ListParams) -> Option<AddFilter> {
    let of_form = |name: &str| resource.filter_fields().any(|field| field.name == name);
    let index =
        params.refused.iter().position(|refused| refused.filter(resource).is_some_and(|(name, _)| of_form(name)))?;
    let mut others = params.clone();
    let refused = others.refused.remove(index);
    let (name, operator) = refused.filter(resource)?;
    let mut form = add_filter(context, resource, &others, Some(name))?;
    let operator = operator.unwrap_or(Operator::Exact.name());
    if form.operators.iter().any(|known| known.value == operator) {
        form.operator = operator.to_owned();
    }
    form.widget.value.clone_from(&refused.value);
    form.widget.error = sentence(&refused.error.message);
    form.mends = true;
    Some(form)
}

impl AddFilter {
    /// Keeps what was typed for another field, where it fits this one.
    fn keep(&mut self, value: &str) {
        let fits = match self.widget.kind {
            "text" => true,
            "select" => self.widget.choices.iter().any(|choice| choice.value == value),
            _ => false,
        };
        if fits {
            value.clone_into(&mut self.widget.value);
        }
    }
}

/// The form's word for `isnull=false`.
const NOT_NULL: &str = "notnull";

/// The input for what to compare with. It takes text, since `contains`, `is one of` and `is empty` take other things than the field does.
fn operand(context: &RequestContext, resource: &Resource, field: &Field) -> Widget {
    let mut widget = view::widget(&context.paths, resource, field, "");
    if widget.kind == "textarea" {
        widget.kind = "text";
    }
    if widget.kind == "select" {
        widget.required = true;
        widget.value = widget.choices.first().map(|choice| choice.value.clone()).unwrap_or_default();
    }
    Widget { id: "filter-value".to_owned(), name: "value".to_owned(), help: String::new(), step: "", ..widget }
}

/// The form again, for another field.
pub(super) async fn form(
    context: RequestContext,
    Path(resource): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    #[derive(Serialize)]
    struct FormView {
        /// Around the form where it is a page of its own.
        title: String,
        crumbs: Vec<Link>,
        back_href: String,
        is_page: bool,
        filter: Option<AddFilter>,
    }
    let resource = context.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    let params = list::read_shown(&context, &resource, &parse_query(get(&pairs, "list"))).await?;
    let mut filter = add_filter(&context, &resource, &params, Some(get(&pairs, "field")));
    if let Some(filter) = &mut filter {
        filter.keep(get(&pairs, "value"));
        if !get(&pairs, "empty").is_empty() {
            filter.widget.error = "Needs a text.".to_owned();
        }
    }
    let view = FormView {
        title: format!("Add a filter to {}", resource.label_plural),
        crumbs: crumbs(&context, &resource, None),
        back_href: context.paths.list_with(&resource.name, &params.to_pairs()),
        is_page: !context.htmx.partial,
        filter,
    };
    context.page("filter.html", &view.title, &view).await
}

/// Adds the filter to the list's state and goes there.
pub(super) async fn add(
    context: RequestContext,
    Path(resource): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    if !get(&pairs, "choose").is_empty() {
        return Ok(
            Redirect::to(&with_query(&context.paths.under(&resource.name, "filter/form"), &pairs)).into_response()
        );
    }
    let mut state = parse_query(get(&pairs, "list"));
    state.retain(|(name, _)| name != "page");
    let value = get(&pairs, "value").trim().to_owned();
    let (operator, value) = match get(&pairs, "operator") {
        NOT_NULL => (Operator::IsNull, "false".to_owned()),
        word => match ALL.into_iter().find(|operator| operator.name() == word) {
            Some(Operator::IsNull) => (Operator::IsNull, "true".to_owned()),
            Some(operator) => (operator, value),
            None => (Operator::Exact, value),
        },
    };
    // A text that is empty is in all of them: the field was perhaps not the one that its form was made for.
    if matches!(operator, Operator::Contains | Operator::StartsWith) && value.is_empty() {
        let mut pairs = pairs;
        pairs.push(("empty".to_owned(), "1".to_owned()));
        return Ok(
            Redirect::to(&with_query(&context.paths.under(&resource.name, "filter/form"), &pairs)).into_response()
        );
    }
    let filter = Filter { field: get(&pairs, "field").to_owned(), operator, value };
    state.push((filter.key(), filter.value));
    // The list says what is wrong with it, where something is.
    Ok(Redirect::to(&context.paths.list_with(&resource.name, &state)).into_response())
}

const ALL: [Operator; 10] = [
    Operator::Exact,
    Operator::Ne,
    Operator::Contains,
    Operator::StartsWith,
    Operator::Gt,
    Operator::Gte,
    Operator::Lt,
    Operator::Lte,
    Operator::In,
    Operator::IsNull,
];

fn get<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str())
}
