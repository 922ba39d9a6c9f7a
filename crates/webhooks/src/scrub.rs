//! Removes from a payload what may not be kept.
//!
//! Vapi's payloads were captured with the number's `twilioAuthToken`, the server's secret and addresses that
//! let anyone listen to a live call or steer it; assistants hold prompts, tools and their credentials.
//! So the objects known to hold such things keep named members only, and elsewhere a member goes if its name
//! says what it is. Bulk that says the same thing three times goes as well.

use serde_json::Value;

use crate::json::plain;
use crate::provider::Provider;

/// Words in a member's name that make its text a secret. Names are split at `_`, `-` and capitals.
const SECRET_WORDS: [&str; 17] = [
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "authorization",
    "authentication",
    "auth",
    "apikey",
    "bearer",
    "signature",
    "cookie",
    "presigned",
];
/// How names end that are secret though no word in them is.
const SECRET_ENDINGS: [&str; 4] = ["apikey", "privatekey", "secretkey", "accesskey"];

/// The payload without secrets, and without U+0000, which `jsonb` refuses.
pub(crate) fn without_secrets(provider: &dyn Provider, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(name, value)| !is_secret(name, value))
                .filter_map(|(name, value)| Some((provider.kept(&name, value)?, name)))
                .map(|(value, name)| (without_nul(name), without_secrets(provider, value)))
                .collect(),
        ),
        Value::Array(items) => items
            .into_iter()
            .map(|item| without_secrets(provider, item))
            .collect(),
        Value::String(text) => Value::String(unsigned(without_nul(text))),
        other => other,
    }
}

/// Numbers and booleans are no secrets: `promptTokens` is a count.
fn is_secret(name: &str, value: &Value) -> bool {
    if matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null) {
        return false;
    }
    let plain = plain(name);
    SECRET_ENDINGS.iter().any(|secret| plain.ends_with(secret))
        || words(name)
            .iter()
            .any(|word| SECRET_WORDS.contains(&word.as_str()))
}

/// An address without a signature that opens it for a while (S3's and Google's).
fn unsigned(text: String) -> String {
    match text.split_once('?') {
        Some((address, query))
            if address.starts_with("http") && (query.contains("X-Amz-") || query.contains("X-Goog-")) =>
        {
            address.to_owned()
        }
        _ => text,
    }
}

/// `twilioAuthToken`, `twilio_auth_token` and `X-Auth-Token` are three words each; `APIKey` is `api`, `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        let starts = c.is_uppercase() && !before.is_uppercase();
        if (starts || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers;
    use crate::source::Source;

    fn of(source: Source, value: Value) -> Value {
        without_secrets(providers::of(source), value)
    }

    #[test]
    fn credentials_and_live_control_of_a_vapi_call_are_not_kept() {
        let kept = of(
            Source::Vapi,
            json!({"message": {
                "type": "end-of-call-report",
                "phoneNumber": {"id": "p", "number": "+15558675310", "twilioAccountSid": "AC1", "twilioAuthToken": "s3cret",
                    "serverUrlSecret": "s3cret", "credentialId": "s3cret", "server": {"url": "s3cret", "secret": "s3cret"}},
                "call": {"id": "c", "monitor": {"listenUrl": "s3cret", "controlUrl": "s3cret"},
                    "transport": {"provider": "twilio", "callSid": "CA1", "callToken": "s3cret", "accountSid": "s3cret",
                        "websocketCallUrl": "s3cret"}, "phoneCallProviderId": "CA1", "customer": {"number": "+14017122661"}},
                "assistant": {"id": "a", "name": "Ann", "server": {"headers": {"Authorization": "s3cret"}},
                    "credentials": [{"apiKey": "s3cret"}], "model": {"messages": [{"content": "s3cret prompt"}]}},
                "artifact": {"presignedMonoUrl": "s3cret", "messages": [{"message": "s3cret"}], "transcript": "AI: hi",
                    "recordingUrl": "https://r", "videoRecordingUrl": "https://v?X-Amz-Signature=s3cret"},
                "toolWithToolCallList": [{"type": "function", "function": {"name": "book", "description": "s3cret"},
                    "server": {"secret": "s3cret"}, "toolCall": {"id": "t", "function": {"name": "book", "arguments": {"day": 1}}}}],
                "costs": [{"promptTokens": 5}], "promptTokens": 5,
            }}),
        );
        let shown = kept.to_string();
        assert!(
            !shown.replace("\"description\":\"s3cret\"", "").contains("s3cret"),
            "{shown}"
        );
        for path in [
            "phoneNumber.number",
            "call.id",
            "call.phoneCallProviderId",
            "call.transport.callSid",
            "call.customer.number",
            "assistant.name",
            "artifact.transcript",
            "artifact.recordingUrl",
            "promptTokens",
        ] {
            assert!(crate::json::at(&kept["message"], path).is_some(), "{path}");
        }
        assert_eq!(kept["message"]["toolWithToolCallList"][0]["toolCall"]["id"], "t");
    }

    #[test]
    fn a_name_tells_a_secret_however_it_is_written() {
        for name in [
            "token",
            "CallToken",
            "auth_token",
            "X-Api-Key",
            "apiKey",
            "APIKey",
            "myapikey",
            "clientSecret",
            "client_secret",
            "Authorization",
            "SipHeader_Authorization",
            "private_key",
            "secretKey",
            "password",
            "accessToken",
        ] {
            assert!(is_secret(name, &json!("x")), "{name}");
        }
        for name in [
            "Body",
            "From",
            "author",
            "secretary",
            "tokenized",
            "key",
            "monkey",
            "summary",
            "authorName",
        ] {
            assert!(!is_secret(name, &json!("x")), "{name}");
        }
    }

    #[test]
    fn every_secret_that_vapis_sdk_knows_is_left_out() {
        let names = "apiKey apiSecret credentialId credentialIds twilioAuthToken twilioApiSecret twilioApiKey \
                     secretAccessKey awsSecretAccessKey awsAccessKeyId accessKeyId openAIKey gcpKey systemKey \
                     ocpApimSubscriptionKey providerConfigKey authToken accessToken refreshToken sessionToken \
                     callToken vonageApplicationPrivateKey privateKey privateKeyId secretKey jwtSecret hmacSecret \
                     hmacAccessKey clientSecret authPassword authUsername password authorizationId slackWebhookUrl \
                     webhookUrl callbackUrl listenUrl controlUrl realtimeUrl sipHeaders serverUrl serverUrlSecret";
        for name in names.split_ascii_whitespace() {
            let kept = of(Source::Vapi, json!({"call": {"id": "c", name: "x"}}));
            assert_eq!(kept, json!({"call": {"id": "c"}}), "{name}");
        }
    }

    #[test]
    fn a_scenarios_own_data_loses_nothing_but_credentials() {
        let data = json!({"messages": ["hi"], "transport": "car", "server": "eu", "tool": {"size": 1}});
        assert_eq!(of(Source::Make, data.clone()), data);
        assert_eq!(
            of(Source::Make, json!({"data": {"api_key": "x", "a": 1}})),
            json!({"data": {"a": 1}})
        );
    }

    #[test]
    fn postgres_can_read_what_is_kept() {
        assert_eq!(
            of(Source::Make, json!({"a\0": "b\0", "c": ["\0"]})),
            json!({"a\u{fffd}": "b\u{fffd}", "c": ["\u{fffd}"]})
        );
    }
}
