//! The scalars of the schema.

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};
use serde_json::Map;

use crate::secret::Secret;

/// An RFC 3339 date-time in UTC with milliseconds, e.g. `2026-11-20T21:57:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// An RFC 3339 date-time in UTC with milliseconds, e.g. `2026-11-20T21:57:00.000Z`.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
                .map(|time| Self(time.to_utc()))
                .map_err(|_| InputValueError::custom("A date-time after RFC 3339 is expected.")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    /// Asked before anything runs (GraphQL specification, section 6.1.2).
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json(pub Map<String, serde_json::Value>);

/// A JSON object.
#[Scalar(
    name = "JSON",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259"
)]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value.into_json() {
            Ok(serde_json::Value::Object(map)) => Ok(Self(map)),
            _ => Err(InputValueError::custom("A JSON object is expected.")),
        }
    }

    /// Asked before anything runs (GraphQL specification, section 6.1.2).
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Object(_))
    }

    fn to_value(&self) -> Value {
        Value::from_json(serde_json::Value::Object(self.0.clone())).unwrap_or_default()
    }
}

/// Stored JSON that is known to be an object.
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }
}

/// A `String` argument that nothing prints.
impl InputType for Secret {
    type RawValueType = Self;

    fn type_name() -> std::borrow::Cow<'static, str> {
        String::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <String as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        match value {
            Some(Value::String(text)) => Ok(Self::new(text)),
            // The value itself stays out of the message.
            _ => Err(InputValueError::custom("A text is expected.")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String("[redacted]".to_owned())
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }
}
