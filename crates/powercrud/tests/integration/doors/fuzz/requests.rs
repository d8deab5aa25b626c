//! What somebody might send.

use axum::http::Method;
use proptest::{collection::vec, prelude::*, sample::select};

/// A request to be sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// Texts that programs stumble over, and any other.
fn text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "",
        "0",
        "1",
        "-1",
        "01",
        "2",
        "3",
        "1,2",
        "[1]",
        "[\"1\"]",
        "[[[[",
        "{\"a\":1}",
        "null",
        "true",
        "NaN",
        "Infinity",
        "1e400",
        "-1e-400",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775809",
        "99999999999999999999999999.5",
        "0.1",
        "1_000",
        "\0",
        "a\0b",
        "'",
        "\"",
        "''; DROP TABLE thing; --",
        "%",
        "_",
        "%%",
        "!",
        "\\",
        "/",
        "..",
        ".",
        "~",
        "~~",
        "\u{feff}",
        "\u{202e}",
        "９",
        "𝕏",
        "ß",
        "İ",
        "e\u{301}",
        "\r\n",
        "\n",
        "\t",
        " ",
        "   ",
        "2026-02-30",
        "2026-01-31",
        "0000-00-00",
        "99999-01-01",
        "-4713-01-01",
        "infinity",
        "24:00:00",
        "23:59:60",
        "12:00",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+99:99",
        "0x00",
        "ff",
        "abc",
        "00000000-0000-0000-0000-000000000000",
        "018f3f9e-7b1a-7c00-8000-000000000000.failed",
        "018f3f9e-7b1a-7c00-8000-000000000000",
        "thing",
        "title",
        "-title",
        "id",
        "exact",
        "in",
        "isnull",
        "contains",
        "add",
        "remove",
        "all",
        "select",
        "matching",
        "draft",
    ]);
    prop_oneof![
        6 => odd.prop_map(str::to_owned),
        1 => "[ -~]{0,24}",
        1 => "\\PC{0,12}",
        1 => any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(20).collect()),
        1 => (select(vec!["a", "1", ",", "9", "\u{10ffff}", "[", "%"]), 100usize..3000).prop_map(|(part, times)| part.repeat(times)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let known = select(vec![
        "q",
        "page",
        "page_size",
        "ordering",
        "in_task",
        "id",
        "id__in",
        "id__gt",
        "title",
        "title__contains",
        "title__startswith",
        "title__ne",
        "title__in",
        "price",
        "price__gte",
        "born",
        "born__lte",
        "at",
        "at__gt",
        "flag",
        "flag__isnull",
        "data",
        "data__contains",
        "raw",
        "raw__isnull",
        "ratio__lt",
        "owner_id",
        "owner_id__in",
        "change",
        "null",
        "set.title",
        "set.price",
        "set.born",
        "set.owner_id",
        "set.data",
        "set.at",
        "key",
        "keys",
        "action",
        "selection",
        "filter",
        "request",
        "version",
        "confirm",
        "state",
        "list",
        "field",
        "operator",
        "value",
        "choose",
        "next",
        "name",
        "password",
        "old_password",
        "again",
        "expires",
        "scope",
        "place",
        "watch",
        "status",
        "resource",
        "from",
        "to",
        "user",
        "days",
        "reason",
        "cursor",
        "after",
        "outcome",
        "fields",
        "count",
        "days_kept",
        "older_than",
    ]);
    prop_oneof![12 => known.prop_map(str::to_owned), 1 => text()]
}

fn pairs() -> impl Strategy<Value = String> {
    vec((name(), text()), 0..6).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    })
}

/// Percent-encodes all but letters and digits.
fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Broken encodings, and pieces that look like nothing.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        "[!-~&&[^ <>\"`{}#\\\\^|]]{0,40}",
        select(vec!["%", "%4", "%zz", "%ff%fe", "&&&", "=", "a=b=c", "?", "%C0%80", "a[]=1", ";"])
            .prop_map(str::to_owned)
    ]
}

fn path() -> impl Strategy<Value = String> {
    let route = select(vec![
        "/",
        "/running",
        "/resources/thing",
        "/resources/thing",
        "/resources/thing",
        "/resources/thing/filter",
        "/resources/thing/filter/form",
        "/resources/thing/count",
        "/resources/thing/running",
        "/resources/thing/selection",
        "/resources/thing/bulk-edit",
        "/resources/thing/bulk-edit/preview",
        "/resources/thing/bulk-delete",
        "/resources/thing/choices/owner_id",
        "/resources/thing/choices/{}",
        "/resources/thing/new",
        "/resources/thing/records/{}",
        "/resources/thing/records/{}/edit",
        "/resources/thing/records/{}/delete",
        "/resources/pair/records/{}",
        "/resources/pair/records/{}/edit",
        "/resources/{}",
        "/tasks",
        "/tasks/badge",
        "/tasks/{}",
        "/tasks/{}/progress",
        "/tasks/{}/strip",
        "/tasks/{}/results/{}",
        "/tasks/{}/cancel",
        "/tasks/{}/retry",
        "/tasks/{}/revert",
        "/messages",
        "/messages/seen",
        "/messages/{}/seen",
        "/tokens",
        "/tokens/new",
        "/tokens/{}/revoke",
        "/staff",
        "/staff/audit",
        "/staff/purge",
        "/staff/tasks/{}/{}",
        "/assets/{}",
        "/login",
        "/logout",
        "/account",
        "/metrics",
        "/healthz",
        "/readyz",
        "/api",
        "/api/openapi.json",
        "/api/v1/resources",
        "/api/v1/resources/{}",
        "/api/v1/resources/thing/records",
        "/api/v1/resources/thing/records",
        "/api/v1/resources/thing/records/{}",
        "/api/v1/resources/pair/records/{}",
        "/api/v1/resources/thing/bulk-update",
        "/api/v1/resources/thing/bulk-update",
        "/api/v1/resources/thing/bulk-delete",
        "/api/v1/tasks",
        "/api/v1/tasks/{}",
        "/api/v1/tasks/{}/errors",
        "/api/v1/tasks/{}/results",
        "/api/v1/tasks/{}/cancel",
        "/api/v1/tokens",
        "/api/v1/tokens/{}/revoke",
        "/{}",
    ]);
    (route, vec(text(), 2)).prop_map(|(route, parts)| {
        parts.iter().fold(route.to_owned(), |path, part| path.replacen("{}", &encode(part), 1)).replace("{}", "x")
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let key = prop_oneof![
            select(vec![
                "ids",
                "filter",
                "all",
                "changes",
                "validate_only",
                "request_id",
                "background",
                "reason",
                "records"
            ])
            .prop_map(str::to_owned),
            name()
        ];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            vec((key, inner), 0..5).prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Any request.
pub(super) fn sent() -> impl Strategy<Value = Sent> {
    let method =
        select(vec![Method::GET, Method::GET, Method::GET, Method::POST, Method::POST, Method::PATCH, Method::DELETE]);
    let query = prop_oneof![6 => pairs(), 1 => raw()];
    let form = prop_oneof![4 => pairs(), 1 => raw()].prop_map(|body| ("application/x-www-form-urlencoded", body));
    let object = json().prop_map(|value| ("application/json", value.to_string()));
    let bulk = (json(), pairs(), any::<bool>()).prop_map(|(value, _, only)| {
        let body = serde_json::json!({"ids": ["1", "2"], "changes": value, "validate_only": only});
        ("application/json", body.to_string())
    });
    let filter = (json(), vec((name(), json()), 0..4)).prop_map(|(_, pairs)| {
        let filter = serde_json::Value::Object(pairs.into_iter().collect());
        (
            "application/json",
            serde_json::json!({"filter": filter, "changes": {"title": "x"}, "validate_only": true}).to_string(),
        )
    });
    let record = vec((name(), json()), 0..5)
        .prop_map(|pairs| ("application/json", serde_json::Value::Object(pairs.into_iter().collect()).to_string()));
    let body = prop_oneof![2 => Just(("", String::new())), 4 => form, 1 => object, 1 => bulk, 1 => filter, 1 => record];
    let visible = || "[ -~]{0,60}";
    let extra = vec(
        prop_oneof![
            visible().prop_map(|value| ("cookie", value)),
            text().prop_map(|value| (
                "cookie",
                format!("powercrud_selection={}; powercrud_session={}", encode(&value), encode(&value))
            )),
            visible().prop_map(|value| ("authorization", format!("Bearer {value}"))),
            visible().prop_map(|value| ("x-request-id", value)),
            visible().prop_map(|value| ("if-match", value)),
            visible().prop_map(|value| ("accept", value)),
            visible().prop_map(|value| ("x-forwarded-for", value)),
            visible().prop_map(|value| ("last-event-id", value)),
            Just(("hx-request", "true".to_owned())),
            Just(("hx-target", "dialog-box".to_owned())),
            visible().prop_map(|value| ("hx-current-url", value)),
        ],
        0..3,
    );
    (method, path(), query, body, extra).prop_map(|(method, path, query, (kind, body), mut headers)| {
        if !kind.is_empty() {
            headers.push(("content-type", kind.to_owned()));
        }
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        Sent { method, path, headers, body }
    })
}
