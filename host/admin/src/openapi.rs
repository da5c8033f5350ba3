//! The API's description, OpenAPI 3.1, made of the very routes that are answered.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Info, OpenApi, OpenApiBuilder, Paths, RefOr, Required, Response, ResponseBuilder,
};

use crate::exchange;
use crate::routes::{Body, ROUTES, Right, Route, Verb};
use crate::serve::OPENMETRICS;

/// The name under which the description speaks of tokens.
const TOKEN: &str = "token";

/// The description, as JSON.
pub(crate) fn description() -> String {
    let mut paths = Paths::new();
    for route in ROUTES {
        let method = match route.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
        };
        paths.add_path_operation(route.path, vec![method], operation(route));
    }
    paths.add_path_operation(exchange::PATH, vec![HttpMethod::Post], exchanging());
    let description: OpenApi = OpenApiBuilder::new()
        .info(Info::new("Palisade's admin API", env!("CARGO_PKG_VERSION")))
        .paths(paths)
        .components(Some(components()))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .build();
    description.to_json().unwrap_or_default()
}

fn components() -> Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A token of the gateway's, as a client's password is"))
        .build();
    let mut components = Components::new();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));
    components
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let mut operation = OperationBuilder::new()
        .summary(Some(route.about))
        .description(Some(right(route.right)))
        .operation_id(Some(id(route)))
        .response("200", answer(route))
        .response("default", problem());
    if route.path.contains("{id}") {
        operation = operation.parameter(parameter("id", "Its id", ParameterIn::Path));
    }
    for (name, about) in route.query {
        operation = operation.parameter(parameter(name, about, ParameterIn::Query));
    }
    if route.body != Body::None {
        let content = ContentBuilder::new().schema(Some(schema(route.body))).build();
        let body = RequestBodyBuilder::new()
            .content(route.body.content_type(), content)
            .required(Some(Required::True))
            .description(Some(format!(
                "At most {} bytes, whole within {} s; the token must be good before it and after it",
                route.body.limit(),
                route.body.time().as_secs()
            )));
        operation = operation.request_body(Some(body.build()));
    }
    operation.build()
}

/// The one call that is no route: it authenticates by what it brings.
fn exchanging() -> utoipa::openapi::path::Operation {
    let content = ContentBuilder::new().schema(Some(of(Type::Object))).build();
    let body = RequestBodyBuilder::new()
        .content(exchange::FORM, content.clone())
        .required(Some(Required::True))
        .description(Some(
            "grant_type, subject_token, subject_token_type; scope names roles, audience or resource connections; \
             actor_token and actor_token_type are of who acts for the subject (RFC 8693)",
        ))
        .build();
    let answer = |about: &str| {
        ResponseBuilder::new()
            .description(about)
            .content("application/json", content.clone())
            .build()
    };
    OperationBuilder::new()
        .summary(Some(
            "Gives a token of the gateway's for a token: never more rights, never longer",
        ))
        .description(Some("Needs nothing but the token that is given away."))
        .operation_id(Some("post_v1_token"))
        .securities(Some([SecurityRequirement::default()]))
        .request_body(Some(body))
        .response("200", answer("The token, as RFC 8693 has it"))
        .response("default", answer("Why not: error and error_description (RFC 6749)"))
        .build()
}

/// A name for those who make clients of the description: `post_v1_holds_id_approve`.
fn id(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "").replace('/', "_");
    format!("{}{path}", route.verb.method().as_str().to_ascii_lowercase())
}

fn right(right: Right) -> &'static str {
    match right {
        Right::Any => "Needs any token; shows what its bearer may see.",
        Right::View => "Needs a role that audits the connections that are asked about.",
        Right::Decide => "Needs a role that the hold asks for and that approves on its connection.",
        Right::Administer => "Needs a role that administers.",
    }
}

fn parameter(name: &str, about: &str, place: ParameterIn) -> utoipa::openapi::path::Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(about))
        .schema(Some(of(Type::String)))
        .build()
}

fn schema(body: Body) -> RefOr<Schema> {
    match body {
        Body::None | Body::Json | Body::Connection => of(Type::Object),
        Body::Wasm => of(Type::String),
    }
}

fn answer(route: &Route) -> Response {
    let (form, schema) = match route.path {
        "/v1/metrics" => (OPENMETRICS, of(Type::String)),
        _ => {
            ("application/json", RefOr::T(Schema::Object(Object::with_type(SchemaType::AnyValue))))
        }
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description("What was asked for").content(form, content).build()
}

fn problem() -> Response {
    let content = ContentBuilder::new().schema(Some(of(Type::Object))).build();
    ResponseBuilder::new()
        .description("Why not: status, title and detail (RFC 9457)")
        .content("application/problem+json", content)
        .build()
}

fn of(kind: Type) -> RefOr<Schema> {
    RefOr::T(Schema::Object(Object::with_type(kind)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_route_is_described_with_its_body_and_its_right() {
        let description: Value = serde_json::from_str(&description()).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let mut described = 0;
        for route in ROUTES {
            let verb = route.verb.method().as_str().to_ascii_lowercase();
            let operation = &description["paths"][route.path][&verb];
            assert_eq!(operation["summary"], route.about, "{}", route.path);
            assert!(!route.about.is_empty(), "{} says nothing", route.path);
            assert!(operation["description"].as_str().unwrap().starts_with("Needs"));
            let has_body = operation.get("requestBody").is_some();
            assert_eq!(has_body, route.body != Body::None, "{}", route.path);
            let query = operation["parameters"].as_array().into_iter().flatten();
            let query = query.filter(|parameter| parameter["in"] == "query").count();
            assert_eq!(query, route.query.len(), "{}", route.path);
            described += 1;
        }
        let token = &description["paths"][exchange::PATH]["post"];
        assert_eq!(token["security"], serde_json::json!([{}]), "it brings its own token");
        described += 1;
        let paths = description["paths"].as_object().unwrap().values();
        let all: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(all, described, "nothing else is described");
    }
}
