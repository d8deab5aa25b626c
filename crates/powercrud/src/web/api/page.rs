//! A page to read the OpenAPI document on.

use std::sync::Arc;

use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::document;
use crate::web::{context::RequestContext, error::WebResult};

#[derive(Serialize)]
struct ApiView {
    about: Vec<Vec<Piece>>,
    document_href: String,
    tokens_href: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// A piece of a sentence.
#[derive(Serialize)]
struct Piece {
    text: String,
    code: bool,
}

#[derive(Serialize)]
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

#[derive(Serialize)]
struct Operation {
    method: String,
    path: String,
    summary: String,
    about: Vec<Piece>,
    parameters: Vec<Member>,
    body: Option<Kind>,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    about: String,
    kind: Option<Kind>,
}

/// A parameter, or a member of an object.
#[derive(Serialize)]
struct Member {
    name: String,
    /// Where a parameter stands.
    place: String,
    kind: Kind,
    required: bool,
    about: Vec<Piece>,
}

/// What values are like, and the schema that says more.
#[derive(Serialize)]
struct Kind {
    text: String,
    schema: Option<String>,
}

#[derive(Serialize)]
struct Schema {
    name: String,
    about: Vec<Piece>,
    members: Vec<Member>,
}

pub(super) async fn page(context: RequestContext, document: Arc<Value>) -> WebResult<Response> {
    let mut document = Value::clone(&document);
    document::name_resources(&mut document, context.app());
    let view = view(&context, &document);
    context.page("api.html", "JSON API", &view).await
}

fn view(context: &RequestContext, document: &Value) -> ApiView {
    let operations = || {
        let paths = document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
        })
    };
    let group = |tag: &Value| Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations()
            .filter(|(.., operation)| operation["tags"][0] == tag["name"])
            .map(|(path, method, operation)| describe(path, method, operation))
            .collect(),
    };
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    ApiView {
        about: text(&document["info"]["description"]).split("\n\n").map(pieces).collect(),
        document_href: format!("{}/openapi.json", context.paths.api()),
        tokens_href: context.paths.tokens(),
        groups: document["tags"].as_array().into_iter().flatten().map(group).collect(),
        schemas: schemas
            .filter(|(_, schema)| schema.get("properties").is_some())
            .map(|(name, schema)| Schema {
                name: name.clone(),
                about: pieces(&text(&schema["description"])),
                members: members(schema),
            })
            .collect(),
    }
}

fn describe(path: &str, method: &str, operation: &Value) -> Operation {
    let parameter = |parameter: &Value| Member {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(&parameter["schema"]),
        required: parameter["required"] == true,
        about: pieces(&text(&parameter["description"])),
    };
    let answer = |(status, answer): (&String, &Value)| Answer {
        status: status.clone(),
        about: text(&answer["description"]),
        kind: content(answer).map(kind),
    };
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        about: pieces(&text(&operation["description"])),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        body: content(&operation["requestBody"]).map(kind),
        answers: operation["responses"].as_object().into_iter().flatten().map(answer).collect(),
    }
}

/// The schema of the first content.
fn content(holder: &Value) -> Option<&Value> {
    holder["content"].as_object()?.values().next().map(|content| &content["schema"])
}

fn members(schema: &Value) -> Vec<Member> {
    let required =
        |name: &String| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let member = |(name, member): (&String, &Value)| Member {
        required: required(name),
        name: name.clone(),
        place: String::new(),
        kind: kind(member),
        about: pieces(&text(&member["description"])),
    };
    schema["properties"].as_object().into_iter().flatten().map(member).collect()
}

fn kind(schema: &Value) -> Kind {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return Kind { text: name.to_owned(), schema: Some(name.to_owned()) };
    }
    if let Some(several) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let kinds: Vec<_> = several.iter().map(kind).collect();
        let text = kinds.iter().map(|kind| kind.text.as_str()).collect::<Vec<_>>().join(" or ");
        return Kind { text, schema: kinds.into_iter().find_map(|kind| kind.schema) };
    }
    if let Some(words) = schema["enum"].as_array() {
        return Kind { text: words.iter().map(text).collect::<Vec<_>>().join(", "), schema: None };
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Kind { text: "anything".to_owned(), schema: None },
    };
    let mut linked = None;
    let mut word = |word: &str| match word {
        "array" => {
            let items = kind(&schema["items"]);
            linked = items.schema;
            format!("array of {}", items.text)
        }
        "object" if schema["additionalProperties"].is_object() => {
            let items = kind(&schema["additionalProperties"]);
            linked = items.schema;
            format!("object of {}", items.text)
        }
        "string" => schema["format"].as_str().unwrap_or("string").to_owned(),
        word => word.to_owned(),
    };
    let text = types.iter().map(|one| word(one)).collect::<Vec<_>>().join(" or ");
    Kind { text, schema: linked }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Splits at the marks of code.
fn pieces(text: &str) -> Vec<Piece> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(index, text)| Piece { text: text.to_owned(), code: index % 2 == 1 }).collect()
}
