//! A resource's list: filters, search, sorting, pages, and what is ticked.

mod of_tasks;
mod refused;

use std::collections::HashSet;

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;

pub(super) use of_tasks::{Strips, read_shown, running, running_part, strips};
use of_tasks::{mark_held, task_chip};
use refused::{problems, refused_chips};

use super::{
    context::RequestContext,
    error::WebResult,
    filter::{self, AddFilter},
    paths::{parse_query, unmark, with_query},
    selection::{self, SelectionView},
    view::{self, CellView, Pair, ResourceView, cell_view},
};
use powercrud_db::ColumnType;
use powercrud_engine::{
    error::{Error, FieldError},
    query::{self, Count, Filter, ListParams, Operator, Ordering, Page},
    resource::{Field, Resource, grouped},
};

#[derive(Serialize)]
struct ListView {
    resource: ResourceView,
    /// This list, for asking again.
    href: String,
    strips: Strips,
    search: Option<Search>,
    chips: Vec<Chip>,
    clear_href: Option<String>,
    add_filter: Option<AddFilter>,
    summary: String,
    /// Where the exact count is to be had, where the summary has a guess.
    count_href: Option<String>,
    /// What is wrong with the address, and how much of it is not applied.
    problems: Vec<String>,
    problems_title: String,
    columns: Vec<ColumnView>,
    rows: Vec<RowView>,
    selection: Option<SelectionView>,
    pagination: Option<Pagination>,
    empty: Empty,
}

#[derive(Serialize)]
struct Search {
    value: String,
    placeholder: String,
    /// The rest of the list's state, which the search keeps.
    state: Vec<Pair>,
}

#[derive(Serialize)]
struct Chip {
    field: String,
    operator: String,
    value: String,
    remove_href: String,
    /// Why it is not applied; empty where it is.
    error: String,
}

#[derive(Serialize)]
struct ColumnView {
    label: String,
    help: String,
    /// Whether values stand at the right.
    end: bool,
    sort: Option<Sort>,
}

#[derive(Serialize)]
struct Sort {
    href: String,
    /// As `aria-sort` has it.
    direction: &'static str,
}

#[derive(Serialize)]
struct RowView {
    key: String,
    label: String,
    selected: bool,
    /// Why it can't be changed now, where a bulk task holds it.
    held: Option<String>,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct Pagination {
    /// "1–25 of 12,304".
    text: String,
    /// "Page 2 of 493".
    position: String,
    first_href: Option<String>,
    previous_href: Option<String>,
    next_href: Option<String>,
    size: u64,
    sizes: Vec<u64>,
    state: Vec<Pair>,
}

#[derive(Default, Serialize)]
struct Empty {
    message: String,
    action: String,
    action_href: Option<String>,
}

const PAGE_SIZES: [u64; 5] = [10, 25, 50, 100, 250];

pub(super) async fn page(
    context: RequestContext,
    Path(resource): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    // An empty box or an untouched select says nothing.
    let pairs: Vec<_> = pairs.into_iter().filter(|(name, value)| !(name == "q" && value.is_empty())).collect();
    let params = match read_shown(&context, &resource, &pairs).await {
        Ok(params) => params,
        Err(Error::Invalid(errors)) => return broken(&context, &resource, &pairs, &errors).await,
        Err(error) => return Err(error.into()),
    };
    let (params, page) = match query::list(context.app(), &resource, &params).await {
        Err(Error::Invalid(_)) => {
            let rest = query::set_aside(context.app(), &resource, &params).await?;
            let page = query::list(context.app(), &resource, &rest).await?;
            (rest, page)
        }
        page => (params, page?),
    };
    let view = list_view(&context, &resource, &params, &page).await?;
    let mut response = if context.htmx.partial {
        context.part("list_region.html", &view)?
    } else {
        context.page("list.html", &view.resource.label_plural.clone(), &view).await?
    };
    if !params.refused.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// The exact count of what matches, for a list that came with a guess; large tables take a while to count.
pub(super) async fn count(
    context: RequestContext,
    Path(resource): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    #[derive(Serialize)]
    struct CountView {
        summary: String,
        text: String,
        position: String,
        matching: u64,
        select_all: String,
        /// Whether the list that asks has rows, and what ticks are told of.
        has_rows: bool,
        has_selection: bool,
    }
    let resource = context.app().resource(unmark(&resource))?.clone();
    let params = read_shown(&context, &resource, &parse_query(&raw.unwrap_or_default())).await?;
    let (params, matching) = match query::count(context.app(), &resource, &params).await {
        Err(Error::Invalid(_)) => {
            let rest = query::set_aside(context.app(), &resource, &params).await?;
            let matching = query::count(context.app(), &resource, &rest).await?;
            (rest, matching)
        }
        matching => (params, matching?),
    };
    let page_size = if params.page_size > 0 { params.page_size } else { resource.paginate_by() };
    let count = Count::Exact(matching);
    let first = (params.page - 1) * page_size + 1;
    let last = (first + page_size - 1).min(matching.max(first));
    let view = CountView {
        summary: summary(&resource, &params, count),
        text: page_text(first, last, count),
        position: page_position(params.page, page_size, count),
        matching,
        select_all: selection::select_all(count),
        has_rows: first <= matching,
        has_selection: selection::is_offered(&context, &resource),
    };
    context.part("count.html", &view)
}

async fn list_view(
    context: &RequestContext,
    resource: &Resource,
    params: &ListParams,
    page: &Page,
) -> WebResult<ListView> {
    let has_keys = !resource.table.primary_key.is_empty();
    let keys: Vec<String> = page.rows.iter().filter(|_| has_keys).map(|row| row.key.clone()).collect();
    let (selection, selected) = if selection::is_offered(context, resource) {
        let stored = selection::find(context, resource).await?;
        let view = SelectionView::new(context, resource, params, page.count, &keys, stored).await?;
        let selected = view.selected().map(str::to_owned).collect();
        (Some(view), selected)
    } else {
        (None, HashSet::new())
    };
    let fields: Vec<&Field> = resource.list_fields().collect();
    let mut rows: Vec<_> = page.rows.iter().map(|row| row_view(context, resource, &fields, row, &selected)).collect();
    mark_held(context, resource, &mut rows).await?;
    let mut view = bare_view(context, resource, &params.to_pairs());
    view.strips = strips(context, Some(resource)).await?;
    view.chips = chips(context, resource, params);
    view.chips.extend(task_chip(context, resource, params).await?);
    view.chips.extend(refused_chips(context, resource, params));
    (view.problems_title, view.problems) = problems(resource, params);
    view.clear_href = (!params.is_unfiltered() || !params.refused.is_empty()).then(|| {
        let kept = ListParams {
            filters: Vec::new(),
            search: String::new(),
            in_task: None,
            page: 1,
            refused: Vec::new(),
            ..params.clone()
        };
        context.paths.list_with(&resource.name, &kept.to_pairs())
    });
    view.search = search(resource, params);
    view.add_filter =
        filter::to_mend(context, resource, params).or_else(|| filter::add_filter(context, resource, params, None));
    view.summary = summary(resource, params, page.count);
    view.count_href = matches!(page.count, Count::Estimated(_))
        .then(|| with_query(&context.paths.under(&resource.name, "count"), &params.to_pairs()));
    view.columns = fields.iter().map(|field| column_view(context, resource, params, field)).collect();
    view.rows = rows;
    view.selection = selection;
    view.pagination = Some(pagination(context, resource, params, page));
    view.empty = empty(context, resource, params, page);
    Ok(view)
}

/// "12,304 books match".
fn summary(resource: &Resource, params: &ListParams, count: Count) -> String {
    let books = view::count_in_words(resource, count);
    let left_out =
        params.refused.iter().filter(|refused| refused.filter(resource).is_some() || refused.key == "q").count();
    match count {
        _ if left_out == 1 => format!("{books} without the filter that is not applied"),
        _ if left_out > 1 => format!("{books} without the {left_out} filters that are not applied"),
        _ if params.is_unfiltered() => books,
        Count::Exact(1) => format!("{books} matches"),
        _ => format!("{books} match"),
    }
}

/// The list without anything that needs its parameters to be right.
fn bare_view(context: &RequestContext, resource: &Resource, pairs: &[(String, String)]) -> ListView {
    ListView {
        resource: ResourceView::new(resource, &context.paths),
        href: context.paths.list_with(&resource.name, pairs),
        strips: Strips::none(context, resource),
        search: None,
        chips: Vec::new(),
        clear_href: None,
        add_filter: None,
        summary: String::new(),
        count_href: None,
        problems: Vec::new(),
        problems_title: String::new(),
        columns: Vec::new(),
        rows: Vec::new(),
        selection: None,
        pagination: None,
        empty: Empty::default(),
    }
}

/// An address with more mistakes than a person types shows them, and no rows.
async fn broken(
    context: &RequestContext,
    resource: &Resource,
    pairs: &[(String, String)],
    errors: &[FieldError],
) -> WebResult<Response> {
    let mut view = bare_view(context, resource, pairs);
    view.problems = errors.iter().map(|error| super::error::sentence(&error.to_string())).collect();
    view.clear_href = Some(context.paths.list(&resource.name));
    view.empty = Empty {
        message: "Nothing is shown, because this address asks for something that is not there.".to_owned(),
        action: format!("Show all {}", resource.label_plural),
        action_href: Some(context.paths.list(&resource.name)),
    };
    let mut response = if context.htmx.partial {
        context.part("list_region.html", &view)?
    } else {
        context.page("list.html", &view.resource.label_plural.clone(), &view).await?
    };
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

fn row_view(
    context: &RequestContext,
    resource: &Resource,
    fields: &[&Field],
    row: &query::Row,
    selected: &HashSet<String>,
) -> RowView {
    let mut cells: Vec<CellView> =
        fields.iter().zip(&row.cells).map(|(field, cell)| cell_view(&context.paths, field, cell)).collect();
    let name = resource.display_field().and_then(|display| fields.iter().position(|field| field.name == display.name));
    let label = name.and_then(|index| cells.get(index)).map_or_else(|| row.key.clone(), |cell| cell.text().to_owned());
    if !resource.table.primary_key.is_empty() && !cells.is_empty() {
        let href = context.paths.record(&resource.name, &row.key);
        let first = cells.remove(0).linked(&href, &format!("Open this {}", resource.label));
        cells.insert(0, first);
    }
    RowView { selected: selected.contains(&row.key), key: row.key.clone(), label, held: None, cells }
}

fn column_view(context: &RequestContext, resource: &Resource, params: &ListParams, field: &Field) -> ColumnView {
    let kind = &field.column.column_type;
    let number = matches!(kind, ColumnType::Integer { .. } | ColumnType::Decimal { .. } | ColumnType::Float);
    let sortable = !matches!(kind, ColumnType::Json | ColumnType::Other | ColumnType::Bytes);
    ColumnView {
        label: field.label.clone(),
        help: field.help_text.clone(),
        end: number && field.reference.is_none(),
        sort: sortable.then(|| sort(context, resource, params, field)),
    }
}

/// A click sorts from small to large, the next from large to small, the one after that in the list's own order.
fn sort(context: &RequestContext, resource: &Resource, params: &ListParams, field: &Field) -> Sort {
    let now =
        params.ordering.first().filter(|ordering| ordering.field == field.name).map(|ordering| ordering.descending);
    let by = |descending: bool| vec![Ordering { field: field.name.clone(), descending }];
    let (direction, next) = match now {
        None => ("none", by(false)),
        Some(false) => ("ascending", by(true)),
        Some(true) => ("descending", Vec::new()),
    };
    let next = ListParams { ordering: next, page: 1, ..params.clone() };
    Sort { href: context.paths.list_with(&resource.name, &next.to_pairs()), direction }
}

fn chips(context: &RequestContext, resource: &Resource, params: &ListParams) -> Vec<Chip> {
    let chip = |index: usize, filter: &Filter| {
        let mut without = ListParams { page: 1, ..params.clone() };
        without.filters.remove(index);
        let field = resource.field(&filter.field);
        let operator = match filter.operator {
            Operator::IsNull if matches!(filter.value.as_str(), "false" | "0" | "no") => "is not empty",
            operator => field.map_or(operator.name(), |field| operator.label(&field.column)),
        };
        Chip {
            field: field.map_or_else(|| filter.field.clone(), |field| field.label.clone()),
            operator: operator.to_owned(),
            value: if filter.operator == Operator::IsNull { String::new() } else { filter.value.clone() },
            remove_href: context.paths.list_with(&resource.name, &without.to_pairs()),
            error: String::new(),
        }
    };
    params.filters.iter().enumerate().map(|(index, filter)| chip(index, filter)).collect()
}

fn search(resource: &Resource, params: &ListParams) -> Option<Search> {
    let labels: Vec<_> = resource.search_fields().map(|field| field.label.to_lowercase()).collect();
    let shown = labels.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let mut kept = ListParams { search: String::new(), page: 1, ..params.clone() };
    let typed =
        kept.refused.iter().position(|refused| refused.key == "q").map(|place| kept.refused.remove(place).value);
    (!labels.is_empty()).then(|| Search {
        value: typed.unwrap_or_else(|| params.search.clone()),
        placeholder: if labels.len() > 3 { format!("Search {shown}…") } else { format!("Search {shown}") },
        state: view::pairs(&kept.to_pairs()),
    })
}

fn pagination(context: &RequestContext, resource: &Resource, params: &ListParams, page: &Page) -> Pagination {
    let href = |page: u64| context.paths.list_with(&resource.name, &ListParams { page, ..params.clone() }.to_pairs());
    let first = (page.page - 1) * page.page_size + 1;
    let last = first + (page.rows.len() as u64).saturating_sub(1);
    let mut sizes = PAGE_SIZES.to_vec();
    if let Err(place) = sizes.binary_search(&page.page_size) {
        sizes.insert(place, page.page_size);
    }
    Pagination {
        text: page_text(first, last, page.count),
        position: page_position(page.page, page.page_size, page.count),
        first_href: (page.page > 1).then(|| href(1)),
        previous_href: (page.page > 1).then(|| href(page.page - 1)),
        next_href: page.has_next.then(|| href(page.page + 1)),
        size: page.page_size,
        sizes,
        state: view::pairs(&ListParams { page: 1, page_size: 0, ..params.clone() }.to_pairs()),
    }
}

/// "26–50 of 12,304".
fn page_text(first: u64, last: u64, count: Count) -> String {
    format!("{}–{} of {}", grouped(first), grouped(last), view::number_in_words(count))
}

/// "2 / 493"; only the page where the number of pages is a guess.
fn page_position(page: u64, page_size: u64, count: Count) -> String {
    match count {
        Count::Exact(count) => format!("{} / {}", grouped(page), grouped(count.div_ceil(page_size).max(1))),
        Count::Estimated(_) => grouped(page),
    }
}

fn empty(context: &RequestContext, resource: &Resource, params: &ListParams, page: &Page) -> Empty {
    let many = &resource.label_plural;
    if page.page > 1 {
        let first = ListParams { page: 1, ..params.clone() };
        return Empty {
            message: "This page is past the end of the list.".to_owned(),
            action: "Go to the first page".to_owned(),
            action_href: Some(context.paths.list_with(&resource.name, &first.to_pairs())),
        };
    }
    if !params.is_unfiltered() {
        return Empty {
            message: format!("No {many} match."),
            action: "Clear filters".to_owned(),
            action_href: Some(context.paths.list(&resource.name)),
        };
    }
    Empty {
        message: format!("There are no {many} yet."),
        action: format!("New {}", resource.label),
        action_href: resource.can_create().then(|| context.paths.under(&resource.name, "new")),
    }
}
