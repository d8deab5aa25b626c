//! `powercrud token create | list | revoke`

use anyhow::Result;
use powercrud::{
    User, account,
    token::{self, ApiToken, NewToken, Scope, TokenJson},
};

use super::open;
use crate::{
    args::{Format, Token, TokenCreate, TokenList, TokenRevoke},
    exit::{Exit, Usage},
    output::{print, print_json, table, timestamp},
};

pub(super) async fn run(command: Token) -> Result<Exit> {
    match command {
        Token::Create(arguments) => create(arguments).await,
        Token::List(arguments) => list(arguments).await,
        Token::Revoke(arguments) => revoke(arguments).await,
    }
}

async fn create(arguments: TokenCreate) -> Result<Exit> {
    let powercrud = open(&arguments.connection).await?;
    let user = match arguments.user {
        // Who signs in here is known by name; whether such a user is staff is looked up at each request.
        Some(name) if account::any(powercrud.database()).await? => {
            account::find(powercrud.database(), &name).await?.into()
        }
        Some(id) => {
            let name = arguments.user_name.unwrap_or_else(|| id.clone());
            User { email: arguments.user_email, ..User::new(id, name).staff(arguments.staff) }
        }
        None => User::operator(),
    };
    let new = NewToken { name: arguments.name, scopes: arguments.scope, user, lasts: arguments.expires };
    let (token, secret) = token::create(&powercrud, &User::operator(), new).await?;
    match arguments.format {
        Format::Json => {
            let mut json = serde_json::to_value(TokenJson::from(&token))?;
            json["token"] = secret.into();
            print_json(&json);
        }
        Format::Text => {
            eprintln!("{} This is the only time it is shown:", about(&token));
            print(&secret);
        }
    }
    Ok(Exit::Success)
}

/// What a token may do, as whom and how long, in a sentence.
fn about(token: &ApiToken) -> String {
    let scopes: Vec<_> = token.scopes.iter().map(|scope| Scope::as_str(*scope)).collect();
    let until =
        token.expires_at.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {}", timestamp(at)));
    format!("Token {} may {} as {}, {until}.", token.id, scopes.join(", "), token.user.name)
}

async fn list(arguments: TokenList) -> Result<Exit> {
    let powercrud = open(&arguments.connection).await?;
    let tokens = token::list(&powercrud, &User::operator()).await?;
    match arguments.format {
        Format::Json => print_json(&serde_json::to_value(tokens.iter().map(TokenJson::from).collect::<Vec<_>>())?),
        Format::Text if tokens.is_empty() => print("There are no tokens."),
        Format::Text => {
            let rows: Vec<_> = tokens.iter().map(row).collect();
            print(&table(&["token", "begins with", "name", "user", "scopes", "state", "last used"], &rows));
        }
    }
    Ok(Exit::Success)
}

fn row(token: &ApiToken) -> Vec<String> {
    let scopes: Vec<_> = token.scopes.iter().map(|scope| Scope::as_str(*scope)).collect();
    let state = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", timestamp(at)),
        (None, Some(at)) if token.ended => format!("expired {}", timestamp(at)),
        (None, Some(at)) => format!("until {}", timestamp(at)),
        (None, None) => "good".to_owned(),
    };
    vec![
        token.id.to_string(),
        token.prefix.clone(),
        token.name.clone(),
        token.user.name.clone(),
        scopes.join(","),
        state,
        token.last_used_at.map_or_else(|| "never".to_owned(), timestamp),
    ]
}

async fn revoke(arguments: TokenRevoke) -> Result<Exit> {
    let id = arguments
        .id
        .parse()
        .map_err(|_| Usage(format!("{:?} is no token's id; `powercrud token list` has them", arguments.id)))?;
    let powercrud = open(&arguments.connection).await?;
    let token = token::revoke(&powercrud, &User::operator(), id).await?;
    match arguments.format {
        Format::Json => print_json(&serde_json::to_value(TokenJson::from(&token))?),
        Format::Text => print(&format!("Token {id} ({}) is good for nothing now.", token.name)),
    }
    Ok(Exit::Success)
}
