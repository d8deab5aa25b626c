//! An action, on what is selected or on one record: what it would do, its form, and go.

use axum::{extract::Path, response::Response};
use serde::Serialize;

use super::{
    ConflictView, Obstacle, answer, at_field,
    edit::{SampleView, background_note, others, samples},
    elsewhere, fingerprint, foreseen, on_conflict, same_selection, selected, selected_for, with_status,
};
use crate::app::PowerCrud;
use crate::web::{
    context::{FormData, RequestContext},
    detail,
    error::WebResult,
    notice::Notice,
    paths::unmark,
    view::{self, ChoiceView, Pair, Widget, element_id},
};
use powercrud_engine::{
    action::{Action, ActionField, ActionFieldKind},
    bulk::{self, Answer, BulkRequest, Requested, Route},
    error::{Error, FieldError},
    form::Input,
    query::read,
    record,
    resource::Resource,
    selection::{Selection, StoredSelection},
    task::Status,
};

#[derive(Serialize)]
struct ActionView {
    title: String,
    action: String,
    back_href: String,
    /// What the application says before it is confirmed.
    confirm: String,
    fields: Vec<Widget>,
    /// What would happen, where that is known.
    text: String,
    tone: &'static str,
    failures: Vec<String>,
    note: String,
    unknown: String,
    /// What becomes of records that refer to links that go.
    others: Vec<String>,
    samples: Vec<SampleView>,
    background_note: String,
    /// Empty where there is nothing to do.
    submit_label: String,
    hidden: Vec<Pair>,
    conflict: Option<ConflictView>,
    errors_title: &'static str,
    errors: Vec<String>,
    failed: Vec<view::RecordErrorView>,
}

/// What an action is done to.
enum Target {
    Selected(StoredSelection, u64),
    Record { key: String, title: String },
}

impl Target {
    async fn record(context: &RequestContext, resource: &Resource, key: &str) -> WebResult<Self> {
        let row = record::get_at_most(context.app(), resource, key, read::SHOWN).await?;
        Ok(Self::Record { title: detail::lower_label(resource, &row), key: row.key })
    }

    fn total(&self) -> u64 {
        match self {
            Self::Selected(_, total) => *total,
            Self::Record { .. } => 1,
        }
    }

    fn selection(&self) -> Selection {
        match self {
            Self::Selected(stored, _) => Selection::Stored(stored.id),
            Self::Record { key, .. } => Selection::Keys(vec![key.clone()]),
        }
    }

    /// How many records the form was made for.
    fn shown(&self, resource: &Resource, form: &FormData) -> Result<u64, FieldError> {
        match self {
            Self::Selected(stored, total) => same_selection(resource, stored, *total, form),
            Self::Record { .. } => Ok(1),
        }
    }
}

/// What stands before the names of an action's fields in its form.
const PREFIX: &str = "value.";

pub(in crate::web) async fn ask(
    context: RequestContext,
    Path((resource, action)): Path<(String, String)>,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let (stored, total) = selected(&context, &resource).await?;
    show(&context, &resource, unmark(&action), Target::Selected(stored, total)).await
}

pub(in crate::web) async fn do_it(
    context: RequestContext,
    Path((resource, action)): Path<(String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let (stored, total) = selected_for(&context, &resource, &form).await?;
    carry_out(&context, &resource, unmark(&action), Target::Selected(stored, total), &form).await
}

pub(in crate::web) async fn ask_one(
    context: RequestContext,
    Path((resource, key, action)): Path<(String, String, String)>,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let target = Target::record(&context, &resource, unmark(&key)).await?;
    show(&context, &resource, unmark(&action), target).await
}

pub(in crate::web) async fn do_one(
    context: RequestContext,
    Path((resource, key, action)): Path<(String, String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let target = Target::record(&context, &resource, unmark(&key)).await?;
    carry_out(&context, &resource, unmark(&action), target, &form).await
}

async fn show(context: &RequestContext, resource: &Resource, action: &str, target: Target) -> WebResult<Response> {
    let action = resource.action(action)?;
    let view = action_view(context, resource, action, &target, None, Obstacle::default()).await?;
    context.page("bulk_action.html", &view.title, &view).await
}

async fn carry_out(
    context: &RequestContext,
    resource: &Resource,
    action: &str,
    target: Target,
    form: &FormData,
) -> WebResult<Response> {
    let action = resource.action(action)?;
    let obstacle = match target.shown(resource, form) {
        Err(error) => Obstacle::from(error),
        Ok(shown) => match run(context, resource, action, &target, shown, form).await {
            Ok(Answer::Done(task)) if task.status == Status::Failure => {
                answer::failed(context, resource, &task).await?
            }
            Ok(answer) => return respond(context, resource, target, answer).await,
            Err(error) => Obstacle::of(context, resource, error).await?,
        },
    };
    let (status, failed) = (obstacle.status(), obstacle.events());
    let view = action_view(context, resource, action, &target, Some(form), obstacle).await?;
    Ok(failed.send(with_status(context.page("bulk_action.html", &view.title, &view).await?, status)))
}

async fn respond(context: &RequestContext, resource: &Resource, target: Target, answer: Answer) -> WebResult<Response> {
    match (target, &answer) {
        (Target::Selected(stored, _), _) => answer::respond(context, resource, Some(stored), answer).await,
        (Target::Record { key, .. }, Answer::Done(task)) if task.status == Status::Success => {
            // It may have gone by it.
            let is_there = record::get_at_most(context.app(), resource, &key, read::SHOWN).await.is_ok();
            Ok(context.leave_for(&match is_there {
                true => Notice::Done.at(&context.paths.record(&resource.name, &key)),
                false => context.paths.list(&resource.name),
            }))
        }
        _ => answer::respond(context, resource, None, answer).await,
    }
}

async fn run(
    context: &RequestContext,
    resource: &Resource,
    action: &Action,
    target: &Target,
    shown: u64,
    form: &FormData,
) -> Result<Answer, Error> {
    let on_conflict = on_conflict(form).map_err(|error| Error::Invalid(vec![error]))?;
    let request = request(context, resource, action, target, read_form(action, form));
    bulk::plan(context.app(), BulkRequest { on_conflict, ..request }).await?.expecting(shown).run().await
}

fn request(
    context: &RequestContext,
    resource: &Resource,
    action: &Action,
    target: &Target,
    values: Vec<Input>,
) -> BulkRequest {
    BulkRequest {
        resource: resource.name.clone(),
        operation: Requested::Action { name: action.name.clone(), values },
        selection: target.selection(),
        user: context.user.clone(),
        route: Route::Auto,
        parent_id: None,
        on_conflict: None,
    }
}

/// What was filled in. A browser sends every box, so that an empty one was emptied: it has no default any more.
fn read_form(action: &Action, form: &FormData) -> Vec<Input> {
    let text = |field: &ActionField| form.get(&format!("{PREFIX}{}", field.name)).filter(|text| !text.is_empty());
    action.fields.iter().map(|field| (field.name.clone(), text(field).map(str::to_owned))).collect()
}

fn widget(field: &ActionField, form: Option<&FormData>, errors: &[FieldError]) -> Widget {
    let name = format!("{PREFIX}{}", field.name);
    let mut widget = Widget {
        kind: "text",
        id: format!("field-{}", element_id(&name)),
        label: field.label.clone(),
        help: field.help.clone(),
        empty_label: "–",
        required: field.required,
        error: at_field(errors, &field.name),
        ..Widget::default()
    };
    match &field.kind {
        ActionFieldKind::Integer => widget.inputmode = "numeric",
        ActionFieldKind::Decimal => widget.inputmode = "decimal",
        ActionFieldKind::Date => widget.kind = "date",
        ActionFieldKind::Boolean => {
            widget.kind = "select";
            widget.required = true;
            widget.choices = vec![ChoiceView::new("false", "no"), ChoiceView::new("true", "yes")];
        }
        ActionFieldKind::Choice(choices) => {
            widget.kind = "select";
            widget.choices = choices.iter().map(|(value, label)| ChoiceView::new(value, label)).collect();
        }
        _ => {}
    }
    let text = match form {
        Some(form) => form.get(&name).unwrap_or_default().to_owned(),
        None if field.kind == ActionFieldKind::Boolean => field.default.clone().unwrap_or_else(|| "false".to_owned()),
        None => field.default.clone().unwrap_or_default(),
    };
    widget.name = name;
    widget.typed(&text)
}

async fn action_view(
    context: &RequestContext,
    resource: &Resource,
    action: &Action,
    target: &Target,
    form: Option<&FormData>,
    mut obstacle: Obstacle,
) -> WebResult<ActionView> {
    let total = target.total();
    let (on, href, back_href) = match target {
        Target::Selected(..) => {
            let href = context.paths.under(&resource.name, &format!("actions/{}", action.name));
            (resource.count_in_words(total), context.of_tab(href), context.paths.list(&resource.name))
        }
        Target::Record { key, title } => {
            let href = context.paths.record_under(&resource.name, key, &format!("actions/{}", action.name));
            (title.clone(), href, context.paths.record(&resource.name, key))
        }
    };
    let mut view = ActionView {
        title: format!("{}: {on}", action.label),
        action: href,
        back_href,
        confirm: action.confirm.clone().unwrap_or_default(),
        fields: action.fields.iter().map(|field| widget(field, form, &obstacle.errors)).collect(),
        text: String::new(),
        tone: "",
        failures: Vec::new(),
        note: String::new(),
        others: Vec::new(),
        unknown: String::new(),
        samples: Vec::new(),
        background_note: background_note(context, resource, total).await?,
        submit_label: submit_label(action, resource, target, total),
        hidden: match target {
            Target::Selected(stored, total) => {
                vec![Pair { name: "selection".to_owned(), value: fingerprint(stored, *total) }]
            }
            Target::Record { .. } => Vec::new(),
        },
        errors: Vec::new(),
        errors_title: "Nothing was done",
        conflict: None,
        failed: obstacle.failed,
    };
    // What code will do is known to nobody beforehand.
    if action.is_set() {
        match bulk::plan(context.app(), request(context, resource, action, target, Vec::new())).await {
            Ok(plan) => fill(&mut view, context.app(), resource, action, target, &plan.preview().await?),
            Err(Error::Invalid(errors)) => {
                let known = |error: &FieldError| obstacle.errors.contains(error);
                let more: Vec<_> = errors.into_iter().filter(|error| !known(error)).collect();
                obstacle.errors.extend(more);
                view.errors_title = "This can't be done";
                view.submit_label = String::new();
                view.background_note = String::new();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let names: Vec<_> = action.fields.iter().map(|field| field.name.as_str()).collect();
    view.errors = elsewhere(&obstacle.errors, &names);
    view.conflict = obstacle.conflict;
    Ok(view)
}

/// "Archive 25 books", "Mark as read: 25 books".
fn submit_label(action: &Action, resource: &Resource, target: &Target, records: u64) -> String {
    let label = &action.label;
    match target {
        Target::Record { .. } => label.clone(),
        Target::Selected(..) if label.contains(char::is_whitespace) => {
            format!("{label}: {}", resource.count_in_words(records))
        }
        Target::Selected(..) => format!("{label} {}", resource.count_in_words(records)),
    }
}

fn fill(
    view: &mut ActionView,
    app: &PowerCrud,
    resource: &Resource,
    action: &Action,
    target: &Target,
    preview: &bulk::Preview,
) {
    view.text = foreseen::sentence(resource, preview);
    view.failures = foreseen::failures(preview);
    view.note = foreseen::note(resource, preview);
    view.unknown = foreseen::unknown(preview);
    view.others = others(app, preview);
    view.tone = if preview.failing_records > 0 { "warning" } else { "" };
    view.samples = samples(resource, preview);
    view.submit_label = submit_label(action, resource, target, preview.changing_records);
    if preview.changing_records == 0 {
        view.submit_label = String::new();
        view.background_note = String::new();
    }
}
