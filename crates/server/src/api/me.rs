//! `/v1/me`: who the caller is to this service.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use store::Store;
use store::rows::users;

use super::Tag;
use crate::http::answer::JsonResponse;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::schema::Nullable;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Me(pub(crate) Arc<Store>);

/// The caller.
#[derive(Object, Serialize)]
#[oai(rename = "Me")]
#[expect(clippy::struct_field_names, reason = "the field is called so in the contract")]
struct User {
    /// The tenant that all of the caller's rows belong to.
    user_id: String,
    /// The e-mail address; `<user id>@no-email.invalid` if the token named none.
    email: String,
    /// The business, if it was named.
    business_name: Nullable<String>,
    /// The application's role, for example `user` or `admin`.
    role: String,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Me")]
impl Me {
    /// Who am I?
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn get(&self, caller: Caller) -> Result<JsonResponse<User>, Problem> {
        let user = users::me(&self.0, &caller.0)
            .await?
            .ok_or_else(Problem::not_found)?;
        Ok(JsonResponse(User {
            user_id: user.id,
            email: user.email,
            business_name: user.business_name.into(),
            role: user.role,
        }))
    }
}
