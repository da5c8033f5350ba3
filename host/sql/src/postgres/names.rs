//! Names out of tree nodes.

use super::constants::Constants;
use crate::Name;
use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, RangeVar, RoleSpec, RoleSpecType, TypeName};

/// The text of a string node.
pub(super) fn string(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// The texts of string nodes; others are left out.
pub(super) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(string).map(str::to_owned).collect()
}

/// The parts of a name with dots between them.
pub(super) fn dotted(nodes: &[Node]) -> String {
    strings(nodes).join(".")
}

/// The last two parts of a name: the schema where there is one, and the name.
pub(super) fn qualified(parts: &[Node]) -> Name {
    let mut parts = parts.iter().rev().filter_map(string);
    let name = parts.next().unwrap_or_default().to_owned();
    Name { schema: parts.next().map(str::to_owned), name }
}

/// A relation's name. The database part goes: the server knows only its own and refuses any other.
pub(super) fn relation(range: &RangeVar) -> Name {
    let schema = (!range.schemaname.is_empty()).then(|| range.schemaname.clone());
    Name { schema, name: range.relname.clone() }
}

/// The alias, where there is one.
pub(super) fn alias(alias: Option<&Alias>) -> Option<(&str, Vec<String>)> {
    alias.map(|alias| (alias.aliasname.as_str(), strings(&alias.colnames)))
}

/// The relation of a range, where there is one.
pub(super) fn relation_of(range: Option<&RangeVar>) -> Name {
    range.map(relation).unwrap_or_default()
}

/// A role as written.
pub(super) fn role(role: &RoleSpec) -> String {
    match role.roletype() {
        RoleSpecType::RolespecCurrentRole => "current_role".into(),
        RoleSpecType::RolespecCurrentUser => "current_user".into(),
        RoleSpecType::RolespecSessionUser => "session_user".into(),
        RoleSpecType::RolespecPublic => "public".into(),
        _ => role.rolename.clone(),
    }
}

/// The roles among nodes.
pub(super) fn roles(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::RoleSpec(spec) => Some(role(spec)),
            NodeEnum::AccessPriv(privilege) => Some(privilege.priv_name.clone()),
            _ => None,
        })
        .collect()
}

/// A type's name without its schema.
pub(super) fn type_name(name: &TypeName) -> String {
    qualified(&name.names).name
}

/// The name of an object whatever node it is: a list of strings, a string, a type, a function with its arguments.
pub(super) fn object(node: Option<&Node>) -> Vec<String> {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::List(list)) => {
            // Of a nested object (an aggregate's arguments, a cast's types) the names of all parts.
            let nested = list.items.iter().flat_map(|item| match string(item) {
                Some(part) => vec![part.to_owned()],
                None => object(Some(item)),
            });
            nested.collect()
        }
        Some(NodeEnum::String(name)) => vec![name.sval.clone()],
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        Some(NodeEnum::ObjectWithArgs(name)) => strings(&name.objname),
        Some(NodeEnum::RangeVar(range)) => {
            let name = relation(range);
            name.schema.into_iter().chain([name.name]).collect()
        }
        Some(NodeEnum::RoleSpec(spec)) => vec![role(spec)],
        Some(NodeEnum::Integer(number)) => vec![number.ival.to_string()],
        Some(NodeEnum::Float(number)) => vec![number.fval.clone()],
        _ => Vec::new(),
    }
}

/// The relation that a constant names as text: `'s'`, `'public."S"'::regclass`.
pub(super) fn written(node: &Node, constants: &Constants) -> Option<Name> {
    match node.node.as_ref()? {
        // Any other type may make another name of it: `'names'::varchar(4)`.
        NodeEnum::TypeCast(cast) => {
            let to = cast.type_name.as_ref().filter(|to| is_whole(to, &["regclass", "text"]));
            to.and_then(|_| written(cast.arg.as_deref()?, constants))
        }
        other => parsed(constants.text(other)?),
    }
}

/// Whether a type is one of the server's own of these names, of values of any length.
pub(super) fn is_whole(to: &TypeName, names: &[&str]) -> bool {
    let name = qualified(&to.names);
    let own = name.schema.is_none_or(|schema| schema == "pg_catalog");
    own && to.typmods.is_empty() && to.array_bounds.is_empty() && names.contains(&&*name.name)
}

/// A name out of text, as the server reads it: folded to lower case but for what stands in quotes.
fn parsed(text: &str) -> Option<Name> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => parts.last_mut()?.push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            letter if quoted => parts.last_mut()?.push(letter),
            letter if letter.is_ascii_whitespace() => {}
            letter => parts.last_mut()?.push(letter.to_ascii_lowercase()),
        }
    }
    let is_odd = |part: &String| part.is_empty() || crate::reserved::is_reserved(part);
    (!parts.iter().any(is_odd)).then(|| from_parts(&parts))
}

/// A relation's name from its parts.
pub(super) fn from_parts(parts: &[String]) -> Name {
    let mut parts = parts.iter().rev();
    let name = parts.next().cloned().unwrap_or_default();
    Name { schema: parts.next().cloned(), name }
}
