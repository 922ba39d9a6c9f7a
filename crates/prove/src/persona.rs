//! How attackers come: the role and claims of each, and the settings under which a transaction is theirs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::model::{Claim, Model};
use crate::people::{People, Who};
use crate::script::{Setting, Settings};
use crate::session::Admin;
use crate::sql::{ident, literal};
use crate::words::Words;

/// A token that names nobody by an empty text.
pub(crate) const EMPTY_USER: &str = "a token with an empty user";

/// Not a setting, but what is then done in that role.
pub(crate) const BEFORE: &str = "mako.before";

/// Somebody else's app, that the plain attacker let in.
pub(crate) const THIRD_PARTY: &str = "a third party's app";

/// How an attacker comes: a role, and the claims of a token that they can have.
#[derive(Clone, Debug)]
pub(crate) struct Persona {
    /// For the report.
    pub(crate) label: &'static str,
    pub(crate) role: String,
    /// What `request.jwt.claims` holds.
    pub(crate) claims: String,
    /// What `request.headers` holds.
    pub(crate) headers: String,
    /// Whether it comes through our service instead of PostgREST.
    pub(crate) service: bool,
    /// Another login than the one by which clients come.
    pub(crate) login: Option<String>,
    /// What a service in front of the table sets, or an unusual request.
    pub(crate) local: Vec<Setting>,
    /// What PostgREST calls before the request, as SQL.
    pub(crate) before: Option<String>,
    /// Whose rows it may touch, if any.
    pub(crate) who: Option<Who>,
}

impl Persona {
    /// A signed-in user, as Supabase's tokens have it.
    pub(crate) fn signed_in(model: &Model, label: &'static str, who: &Who) -> Self {
        let mut claims = json!({
            "iss": "https://mako.supabase.co/auth/v1", "aud": "authenticated", "exp": 4_102_444_800_u64, "iat": 1_700_000_000,
            "email": who.email(), "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": {},
            "role": signed_in_role(model), "aal": "aal1", "is_anonymous": false,
            "session_id": who_session(who), "sub": who.user,
        });
        set_path(&mut claims, &model.tenant.claim, who.user.as_str());
        for (claim, names) in &model.tenant.claims {
            set_path(&mut claims, claim, claim_of(*names, who));
        }
        Self {
            label,
            role: signed_in_role(model),
            claims: claims.to_string(),
            headers: r#"{"host":"localhost","user-agent":"mako prove","accept":"*/*"}"#.to_owned(),
            service: false,
            login: None,
            local: Vec::new(),
            before: None,
            who: Some(who.clone()),
        }
    }

    /// Nobody in particular, in a role.
    pub(crate) fn of_role(role: &str) -> Self {
        Self {
            label: "nobody",
            role: role.to_owned(),
            claims: json!({"role": role}).to_string(),
            headers: "{}".to_owned(),
            service: false,
            login: None,
            local: Vec::new(),
            before: None,
            who: None,
        }
    }

    /// The same with claims, as JSON by their paths.
    pub(crate) fn with_claims(self, values: &BTreeMap<String, String>) -> Self {
        self.with(|claims| {
            for (path, value) in values {
                if let Ok(value) = serde_json::from_str::<Value>(value) {
                    set_path(claims, path, value);
                }
            }
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        if let Ok(mut claims) = serde_json::from_str(&self.claims) {
            change(&mut claims);
            self.claims = claims.to_string();
        }
        self
    }

    /// Everyone who tries to get at the other tenant's rows. The first is the plain attacker.
    pub(crate) fn attackers(model: &Model, people: &People, member: bool, words: &Words) -> Vec<Self> {
        let signed_in = |label, who| Self::signed_in(model, label, who);
        let own = signed_in("a user of another tenant", &people.own);
        let mut all = vec![own.clone()];
        all.push(Self {
            label: "a user of another tenant, through the service",
            service: true,
            ..own.clone()
        });
        if member {
            all.extend(Self::members(model, people, words));
        }
        all.push(signed_in("a user without any tenant", &people.nobody));
        all.push(
            signed_in("an anonymous sign-in", &people.nobody)
                .with(|claims| claims["is_anonymous"] = json!(true)),
        );
        all.extend(Self::forgers(model, people, member, words));
        all.extend(Self::without_a_user(model, people, &own));
        all.extend(Self::by_headers(people, member, words, &own));
        if model.keeps_apps_out() {
            let app = Self {
                label: THIRD_PARTY,
                ..own
            };
            all.push(app.with(|claims| claims["client_id"] = json!("8c0a3f7e-5d1b-4b62-9b0e-6d616b6f0001")));
        }
        all = all.into_iter().map(|one| one.with_rights(model, words)).collect();
        if let Some(before) = &words.before {
            all = all
                .into_iter()
                .map(|one| one.after(before, &words.headers))
                .collect();
        }
        if words.second_factor {
            all = all.into_iter().map(Self::with_second_factor).collect();
            all.push(signed_in("a user without a second factor", &people.own));
        }
        all
    }

    /// Members of other tenants in other roles, of two at once, and one who was a member of the victim's.
    fn members(model: &Model, people: &People, words: &Words) -> Vec<Self> {
        let signed_in = |label, who| Self::signed_in(model, label, who);
        let mut all = Vec::new();
        all.extend(
            people
                .colleagues
                .iter()
                .map(|who| signed_in("a user with another role in another tenant", who)),
        );
        let lists = model
            .tenant
            .claims
            .iter()
            .filter(|(_, names)| **names == Claim::Tenants);
        let both = json!([people.two.tenant, people.third.tenant]);
        all.push(
            signed_in("a user of two other tenants", &people.two)
                .with(|claims| lists.for_each(|(claim, _)| set_path(claims, claim, both.clone()))),
        );
        let tenant = people.other.tenant.clone();
        all.push(
            signed_in("a removed member with an old token", &people.removed).with(|claims| {
                fill(&mut claims["app_metadata"], &words.claims, &tenant);
                // A hook looks memberships up for each token: what it writes isn't old for long.
                let kept = format!("app_metadata.{}", model.tenant.column());
                for (claim, names) in model.tenant.claims.iter().filter(|(claim, _)| **claim != kept) {
                    let value = match names {
                        Claim::Tenants => json!([people.nobody.tenant]),
                        Claim::User | Claim::Tenant => json!(people.nobody.tenant),
                    };
                    set_path(claims, claim, value);
                }
            }),
        );
        all
    }

    /// With every right in their own tenant that a list of objects in a token may hold beside its id.
    fn with_rights(self, model: &Model, words: &Words) -> Self {
        let mut lists = model
            .tenant
            .claims
            .keys()
            .filter_map(|path| path.rsplit_once("[]."));
        self.with(|claims| {
            for ((list, id), (key, value)) in lists
                .by_ref()
                .flat_map(|list| words.compared.iter().map(move |pair| (list, pair)))
            {
                if key != id {
                    set_path(claims, &format!("{list}[].{key}"), value.as_str());
                }
            }
        })
    }

    /// As PostgREST has it that calls a function before each request. What that reads in headers names one's own
    /// tenant, as an app would send it.
    fn after(mut self, before: &str, headers: &[String]) -> Self {
        self.before = Some(before.to_owned()).filter(|_| !self.service);
        let sent: Result<Value, _> = serde_json::from_str(&self.headers);
        if let (Some(who), Ok(mut sent)) = (&self.who, sent) {
            for header in headers {
                if sent.get(header).is_none() {
                    sent[header] = json!(who.tenant);
                }
            }
            self.headers = sent.to_string();
        }
        self
    }

    fn with_second_factor(self) -> Self {
        self.with(|claims| {
            if let Some(level) = claims.get_mut("aal") {
                *level = json!("aal2");
            }
        })
    }

    /// Whoever comes without a name, or with an empty one.
    fn without_a_user(model: &Model, people: &People, own: &Self) -> Vec<Self> {
        let bare = |label, claims: String| Self {
            label,
            claims,
            who: None,
            ..own.clone()
        };
        let roles = model.roles.iter().filter(|role| **role != signed_in_role(model));
        let mut all: Vec<Self> = roles
            .map(|role| Self {
                role: role.clone(),
                ..bare("anon", json!({"role": role}).to_string())
            })
            .collect();
        all.push(bare(
            "a token without a user",
            json!({"role": signed_in_role(model)}).to_string(),
        ));
        all.push(bare(EMPTY_USER, own.claims.replace(&people.own.user, "")));
        all.push(bare("a token whose claims are an empty object", "{}".to_owned()));
        all.push(bare("empty claims", String::new()));
        all
    }

    /// Users whose requests name the other tenant, or its user, in every header that is read.
    fn by_headers(people: &People, member: bool, words: &Words, own: &Self) -> Vec<Self> {
        let values = [&people.other.user, &people.other.tenant].into_iter();
        let named = values.take(match (words.headers.is_empty(), member) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        });
        named
            .map(|value| {
                let mut headers: Value = serde_json::from_str(&own.headers).unwrap_or_default();
                for word in &words.headers {
                    headers[word] = json!(value);
                }
                Self {
                    label: "a user whose headers name the other tenant",
                    headers: headers.to_string(),
                    ..own.clone()
                }
            })
            .collect()
    }

    /// Users who edit what they can of their own token, or come by another login.
    fn forgers(model: &Model, people: &People, member: bool, words: &Words) -> Vec<Self> {
        let signed_in = |label, who| Self::signed_in(model, label, who);
        let mut all = if words.metadata {
            Self::by_metadata(model, people, member, words)
        } else {
            Vec::new()
        };
        for values in words.together.iter().take(3) {
            let label = "a user whose claims meet a policy together";
            all.push(signed_in(label, &people.own).with_claims(values));
        }
        for request in &words.requests {
            all.push(Self {
                local: vec![request.clone()],
                ..signed_in("a user by another kind of request", &people.own)
            });
        }
        for login in &words.logins {
            all.push(Self {
                login: Some(login.clone()),
                ..signed_in("a user through another login", &people.own)
            });
        }
        all
    }

    /// Users who write the other tenant's ids, its user's or privileges into their own metadata.
    fn by_metadata(model: &Model, people: &People, member: bool, words: &Words) -> Vec<Self> {
        let with = |label, value: &str| {
            Self::signed_in(model, label, &people.own).with(|claims| {
                fill(&mut claims["user_metadata"], &words.claims, value);
                if words.claims.iter().any(|claim| claim == "email") {
                    claims["user_metadata"]["email"] = json!(people.other.email());
                }
            })
        };
        let label = "a user whose user_metadata names the other tenant";
        let mut all = vec![with(label, &people.other.tenant)];
        if !words.claims.is_empty() {
            let powerful = with("a user whose user_metadata claims privileges", "true");
            all.push(powerful.with(|claims| {
                for (claim, value) in &words.compared {
                    claims["user_metadata"][claim] = json!(value);
                }
            }));
        }
        if member {
            let label = "a user whose user_metadata names the other user";
            all.push(with(label, &people.other.user));
        }
        all
    }

    /// The settings that make a transaction theirs, as PostgREST and the service make them.
    pub(crate) fn settings(&self, admin: &Admin, catalog: &Catalog, schema: &str) -> Settings {
        let path = if self.service {
            "public".to_owned()
        } else {
            let extra = if catalog.has_extensions_schema {
                ", \"extensions\""
            } else {
                ""
            };
            format!("{}, \"public\"{extra}", ident(schema))
        };
        let login = self
            .login
            .as_ref()
            .or(catalog.login.as_ref())
            .filter(|_| admin.superuser);
        let mut settings = Settings::new();
        settings.extend(login.map(|login| ("session_authorization", login.clone())));
        settings.push(("row_security", "on".to_owned()));
        settings.push(("search_path", path));
        if self.service {
            let old = [
                "request.jwt.claim",
                "request.jwt.claim.sub",
                "request.jwt.claim.role",
                "request.jwt.claim.email",
            ];
            settings.extend(old.map(|name| (name, String::new())));
        } else {
            settings.extend([
                ("request.method", "GET".to_owned()),
                ("request.path", "/".to_owned()),
                ("request.headers", self.headers.clone()),
                ("request.cookies", self.headers.clone()),
            ]);
        }
        settings.push(("request.jwt.claims", self.claims.clone()));
        settings.extend(self.local.clone());
        settings.push(("role", self.role.clone()));
        settings.extend(self.before.clone().map(|before| (BEFORE, before)));
        settings
    }

    /// The same, as somebody would type it to see the leak.
    pub(crate) fn reproduction(&self) -> String {
        let headers = ("request.headers", self.headers.clone());
        let is_sent = self.label.contains("headers") || self.before.is_some();
        let headers = is_sent.then_some(&headers);
        let mut more = String::new();
        for (name, value) in headers.into_iter().chain(&self.local) {
            let _ = write!(more, " set_config({}, {}, true),", literal(name), literal(value));
        }
        let before = self.before.as_ref().map(|before| format!("; {before}"));
        format!(
            "select{more} set_config('request.jwt.claims', {}, true), set_config('role', {}, true){}",
            literal(&self.claims),
            literal(&self.role),
            before.unwrap_or_default()
        )
    }
}

/// The role of signed-in users.
pub(crate) fn signed_in_role(model: &Model) -> String {
    let named = model.roles.iter().find(|role| *role == "authenticated");
    let not_anon = || model.roles.iter().find(|role| *role != "anon");
    named
        .or_else(not_anon)
        .or(model.roles.first())
        .cloned()
        .unwrap_or_default()
}

fn claim_of(names: Claim, who: &Who) -> Value {
    match names {
        Claim::User => json!(who.user),
        Claim::Tenant => json!(who.tenant),
        Claim::Tenants => json!([who.tenant]),
    }
}

fn who_session(who: &Who) -> String {
    format!("session-{}", who.marker)
}

fn fill(object: &mut Value, words: &[String], value: &str) {
    for word in words {
        object[word] = json!(value);
    }
}

/// Sets a claim whose name may lead into objects, and by `[]` into the first of a list.
fn set_path(claims: &mut Value, path: &str, value: impl Into<Value>) {
    let mut at = claims;
    for part in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[part.trim_end_matches("[]")];
        if part.ends_with("[]") {
            if at.get(0).is_none() {
                *at = json!([{}]);
            }
            at = &mut at[0];
        }
    }
    *at = value.into();
}
