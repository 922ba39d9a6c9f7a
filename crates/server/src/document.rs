//! What clients learn of the service: poem-openapi's document, with what it can't say itself, and the page on it.

mod events;
mod positions;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The document as it is served and committed: what generators of clients need, in the words they expect.
pub(crate) fn mended(spec: &str) -> Value {
    // poem-openapi writes a wildcard as poem does; in a document it is a parameter like any other.
    let mut document: Value = serde_json::from_str(&spec.replace("/*param1", "/{path}")).unwrap_or_default();
    document["servers"] = json!([{"url": "/", "description": "Where this document was found"}]);
    each_object(&mut document, &mut plain_reference);
    each_object(&mut document, &mut page_name);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(name, schema)| (page_of(&name).unwrap_or(name), schema))
            .collect();
    }
    inline_nullable_enums(&mut document);
    close_bodies(&mut document);
    name_the_user(&mut document);
    events::add(&mut document);
    positions::add(&mut document);
    document
}

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| each_object(value, change));
        }
        Value::Array(array) => array.iter_mut().for_each(|value| each_object(value, change)),
        _ => (),
    }
}

/// What a field says beside its `$ref` is said twice, the second time as a schema of its own: clients would get
/// `Provider & unknown`.
fn plain_reference(object: &mut Map<String, Value>) {
    if let Some(Value::Array(all)) = object.get_mut("allOf")
        && all.first().is_some_and(|first| first["$ref"].is_string())
    {
        all.truncate(1);
    }
}

/// A reference that may be null, written out: `nullable` counts only beside a `type` (OpenAPI 3.0.3), and validators refuse the
/// null that an `enum` doesn't list.
fn inline_nullable_enums(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let mut inlined = BTreeSet::new();
    each_object(document, &mut |object| {
        let name = object
            .get("allOf")
            .and_then(|all| all[0]["$ref"].as_str()?.rsplit('/').next());
        let name = name
            .filter(|_| object.contains_key("nullable"))
            .map(str::to_owned);
        if let Some(name) = name
            && let Some(values) = schemas[&name]["enum"].as_array()
        {
            object.remove("allOf");
            object.insert("type".to_owned(), schemas[&name]["type"].clone());
            object.insert(
                "enum".to_owned(),
                values.iter().cloned().chain([Value::Null]).collect(),
            );
            inlined.insert(name);
        }
    });
    let mut used = BTreeSet::new();
    each_object(document, &mut |object| {
        used.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| {
            !inlined.contains(name) || used.contains(&format!("#/components/schemas/{name}"))
        });
    }
}

/// `Listing_Lead` is poem-openapi's name for a generic type.
fn page_of(name: &str) -> Option<String> {
    name.strip_prefix("Listing_").map(|row| format!("{row}Page"))
}

fn page_name(object: &mut Map<String, Value>) {
    for (key, before) in [("$ref", "#/components/schemas/"), ("title", "")] {
        if let Some(Value::String(text)) = object.get_mut(key)
            && let Some(name) = text.strip_prefix(before).and_then(page_of)
        {
            *text = format!("{before}{name}");
        }
    }
}

/// `Fields::read` refuses what a body has besides; generated types can say so before it is sent.
fn close_bodies(document: &mut Value) {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, methods)| methods.as_object().into_iter().flatten());
    let bodies: BTreeSet<String> = operations
        .filter_map(|(_, operation)| {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            schema.as_str()?.rsplit('/').next().map(str::to_owned)
        })
        .collect();
    for name in bodies {
        document["components"]["schemas"][name]["additionalProperties"] = false.into();
    }
}

/// A header that belongs to the token (`caller.rs`), so no parameter of the handler: clients could not send it.
fn name_the_user(document: &mut Value) {
    let parameters = "/paths/~1v1~1api-keys~1{service}~1reveal/post/parameters";
    if let Some(Value::Array(parameters)) = document.pointer_mut(parameters) {
        parameters.push(json!({
            "name": "x-mako-user", "in": "header", "required": true, "schema": {"type": "string"},
            "description": "Id of the user whom the back end acts for.",
        }));
    }
}

/// Swagger UI, as poem-openapi ships it, on the mended document; nothing in it is loaded from elsewhere.
pub(crate) fn page(swagger_ui: &str, spec: &str, document: &str) -> String {
    // In a script no text may end it.
    let document = document.replace("</", "<\\/");
    let page = swagger_ui
        .replacen(spec, &document, 1)
        .replacen("<head>", HEAD, 1)
        .replacen("<title>Swagger UI</title>", "<title>Mako API</title>", 1)
        // The scripts of the page hold a `</head>` as well.
        .replacen("</head>\n<body>", STYLE, 1)
        .replacen("deepLinking: true,", OPTIONS, 1);
    format!("<!doctype html>{page}")
}

const HEAD: &str = r#"<head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:,">"#;

const OPTIONS: &str =
    "deepLinking: true, tryItOutEnabled: true, validatorUrl: null, defaultModelsExpandDepth: 0,";

/// Swagger UI is made for wide windows: on a phone its rows would be cut and its tables overflow.
const STYLE: &str = "<style>
    body { margin: 0; }
    @media (max-width: 640px) {
      .swagger-ui .wrapper { padding: 0 8px; }
      .swagger-ui .opblock-tag { flex-wrap: wrap; }
      .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
      .swagger-ui .opblock .opblock-summary-method { min-width: 60px; padding: 6px 0; }
      .swagger-ui .opblock .opblock-summary-path { max-width: none; flex: 1; }
      .swagger-ui .opblock .opblock-summary-description { flex-basis: 100%; padding-top: 4px; }
      .swagger-ui .opblock-section-header { flex-wrap: wrap; height: auto; }
      .swagger-ui table:not(.model), .swagger-ui table:not(.model) > tbody, .swagger-ui table:not(.model) > tbody > tr,
      .swagger-ui table:not(.model) > tbody > tr > td { display: block; width: auto; }
      .swagger-ui table:not(.model) > thead { display: none; }
      .swagger-ui table.parameters > tbody > tr > td { padding: 4px 0; }
      .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select
        { max-width: 100%; width: 100%; box-sizing: border-box; }
      .swagger-ui .dialog-ux .modal-ux { min-width: 0; width: calc(100% - 16px); }
    }
</style></head>
<body>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_generators_stumble_over_is_mended() {
        let spec = json!({
            "paths": {"/relay/{service}/*param1": {"post": {"requestBody": {"content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}}}},
            "components": {"schemas": {
                "Listing_Lead": {"title": "Listing_Lead"},
                "New": {"properties": {
                    "page": {"$ref": "#/components/schemas/Listing_Lead"},
                    "kind": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Kind"}, {"nullable": true}]}}},
                "Kind": {"type": "string", "enum": ["hot"]}}},
        });
        let document = mended(&spec.to_string());
        let schemas = &document["components"]["schemas"];
        assert!(document["paths"]["/relay/{service}/{path}"].is_object());
        assert_eq!(schemas["LeadPage"]["title"], "LeadPage");
        assert_eq!(
            schemas["New"]["properties"],
            json!({
                "page": {"$ref": "#/components/schemas/LeadPage"},
                "kind": {"type": "string", "nullable": true, "enum": ["hot", null]},
            })
        );
        assert_eq!(schemas["New"]["additionalProperties"], false);
        assert_eq!(schemas["Kind"], Value::Null, "nothing refers to it any more");
    }

    /// Of the whole document: were the path another, the header would silently be missing.
    #[test]
    fn revealing_a_key_names_the_user_in_a_header() {
        let document: Value = serde_json::from_str(include_str!("../../../openapi/openapi.json"))
            .expect("the committed document");
        let operations = document["paths"].as_object().into_iter().flatten();
        let reveal = operations
            .filter_map(|(_, methods)| methods.get("post"))
            .find(|operation| operation["operationId"] == "revealApiKey")
            .expect("an operation");
        let parameters = reveal["parameters"].as_array().expect("parameters");
        assert!(
            parameters
                .iter()
                .any(|it| it["name"] == "x-mako-user" && it["in"] == "header")
        );
    }

    #[test]
    fn no_text_of_the_document_ends_the_script_that_holds_it() {
        let page = page(
            "<head></head><script>let spec = {};</script>",
            "{}",
            r#"{"a":"</script>"}"#,
        );
        assert_eq!(page.matches("</script>").count(), 1);
    }
}
