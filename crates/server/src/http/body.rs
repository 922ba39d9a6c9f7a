//! Checks that a body is what the operation takes: 415, 400 and 422 in that order, never an echo of the value.
//! And for the relay, a body of any kind, passed on as it arrives.

use poem::http::header;
use poem::{Body as Stream, FromRequest, Request, RequestBody, Result};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::fields::{Body, Fields};
use super::problem::Problem;

/// A JSON body, checked field by field.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Body> Payload for JsonBody<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    /// `application/json` and its dialects; parameters such as the charset are of no account.
    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Body> ParsePayload for JsonBody<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        // PostgREST, too, takes a body without a media type for JSON.
        if request
            .content_type()
            .is_some_and(|given| !Self::check_content_type(given))
        {
            return Err(Problem::media_type().into());
        }
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        let value = serde_json::from_slice(&bytes).map_err(|_| Problem::malformed_json())?;
        Ok(Self(Fields::read(value)?))
    }
}

impl<'a, T: Body> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Self::CONTENT_TYPE,
                schema: Self::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

/// A body of any media type, not read yet; None if the request has none.
pub(crate) struct Upload(pub(crate) Option<Stream>);

impl<'a> ApiExtractor<'a> for Upload {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: Some("Whatever the provider's operation takes"),
            content: vec![MetaMediaType {
                content_type: "*/*",
                schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary"))),
            }],
            required: false,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let headers = request.headers();
        let declared = headers.get(header::CONTENT_LENGTH);
        let has_body = headers.contains_key(header::TRANSFER_ENCODING)
            || declared.is_some_and(|length| length.as_bytes() != b"0");
        Ok(Self(if has_body { Some(body.take()?) } else { None }))
    }
}
