//! The caller of the API: a program with a token, or a browser that is signed in.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};

use crate::{
    app::PowerCrud,
    token::{self, ApiToken, Scope},
    web::{
        Web, auth,
        context::RequestContext,
        error::{Problem, WebError, WebResult},
        paths::{Paths, parse_query},
        refusal, span,
    },
};
use powercrud_engine::{error::Error, user::User};

/// What a handler of the API knows of its request.
pub(in crate::web) struct Caller {
    context: RequestContext,
    /// `None`: a person's browser, which may do all that the person may.
    token: Option<ApiToken>,
    /// The query string, decoded.
    pub(super) query: Vec<(String, String)>,
}

impl FromRequestParts<Web> for Caller {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        let query = parse_query(parts.uri.query().unwrap_or_default());
        if let Some((name, _)) = query.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(refuse_nul(name).into());
        }
        if web.app.is_closed() {
            return Err(Problem::closed().into());
        }
        let Some(credentials) = parts.headers.get(header::AUTHORIZATION) else {
            let context =
                RequestContext::from_request_parts(parts, web).await.map_err(|error| match error.0.status {
                    StatusCode::UNAUTHORIZED => nobody().into(),
                    _ => error,
                })?;
            return Ok(Self { context, token: None, query });
        };
        let secret = credentials.to_str().ok().and_then(|text| {
            let (scheme, secret) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
        });
        let token = match secret {
            Some(secret) => token::find(&web.app, secret).await?.ok_or_else(bad_token)?,
            None => return Err(bad_token().into()),
        };
        let mut context = RequestContext::of(web, parts);
        context.act_as(token.user.clone());
        span::note_user(&context.user);
        refusal::note_user(&parts.extensions, &context.user);
        Ok(Self { context, token: Some(token), query })
    }
}

impl Caller {
    pub(super) fn app(&self) -> &PowerCrud {
        self.context.app()
    }

    pub(in crate::web) fn user(&self) -> &User {
        &self.context.user
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.context.paths
    }

    /// Whether somebody who was let in a while ago would be so still.
    pub(super) async fn may_still_look(&self) -> bool {
        match &self.token {
            // Where the database can't say, nothing is told anyway.
            Some(token) => token::is_still_good(self.app(), token).await.unwrap_or(true),
            None => auth::may_still_look(self.app(), self.user()).await,
        }
    }

    /// Refuses a token that was not made for this.
    pub(super) fn require(&self, scope: Scope) -> WebResult<()> {
        if self.token.as_ref().is_none_or(|token| token.allows(scope)) {
            return Ok(());
        }
        let message = format!("This needs a token with the scope \"{scope}\", to {}.", scope.about());
        let mut problem = Problem::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", "Not allowed", message);
        problem.challenge = Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""));
        Err(problem.into())
    }
}

/// Nothing in a database holds it.
pub(super) fn refuse_nul(name: &str) -> Error {
    let name = name.replace('\0', "");
    Error::invalid(&name, "INVALID_VALUE", "holds the NUL character (U+0000), which is not accepted")
}

fn nobody() -> Problem {
    let message = "Send a token in the header \"Authorization: Bearer pcr_…\", or sign in with this browser.";
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "NOT_SIGNED_IN", "Not signed in", message);
    problem.challenge = Some("Bearer".to_owned());
    problem
}

/// The same words whatever is wrong with it: who guesses learns nothing.
fn bad_token() -> Problem {
    let message = "The header Authorization holds no token that is good here: \"Bearer \" and a token that was made here, \
                   has not expired and was not revoked.";
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", "Not signed in", message);
    problem.challenge = Some("Bearer error=\"invalid_token\"".to_owned());
    problem
}
