//! What a reference can be set to, narrowed down by typing.

use axum::{
    extract::{Path, RawQuery},
    response::Response,
};
use serde::Serialize;

use crate::web::{
    context::RequestContext,
    error::WebResult,
    paths::{parse_query, unmark},
    view::ChoiceView,
};
use powercrud_engine::query;

/// How many choices are offered at a time; typing narrows them down.
const CHOICES: usize = 20;

#[derive(Serialize)]
struct ChoicesView {
    /// What the options' ids begin with.
    id: String,
    choices: Vec<ChoiceView>,
    more: bool,
}

/// What a reference can be set to, for its combobox; never the whole table.
pub(in crate::web) async fn choices(
    context: RequestContext,
    Path((resource, field)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str());
    let mut found = query::choices(context.app(), &resource, unmark(&field), get("q"), CHOICES as u64 + 1).await?;
    let more = found.len() > CHOICES;
    found.truncate(CHOICES);
    let id = get("id");
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !id.is_empty();
    let view = ChoicesView {
        id: if plain { id.to_owned() } else { "choice".to_owned() },
        choices: found.iter().map(|choice| ChoiceView::new(&choice.value, &choice.label)).collect(),
        more,
    };
    context.part("choices.html", &view)
}
