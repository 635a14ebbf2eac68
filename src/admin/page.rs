//! Cursor pages after the Relay specification (GraphQL Cursor Connections): newest first, at most 100 a page, walked along
//! the primary key, so that the last page costs what the first one does.

use std::borrow::Cow;

use async_graphql::{Context, OutputType, SimpleObject, TypeName};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Issue, Result};
use crate::value::Issues;

/// Rows of a page where nothing is asked for, and at most.
const USUAL: u64 = 50;
const MOST: i32 = 100;

/// Which page: `first` after a cursor, or `last` before one.
#[derive(Debug, Default)]
pub struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// A list whose places have cursors.
#[derive(Clone, Copy, Debug)]
pub struct List<C> {
    /// Makes its cursors worthless in other lists.
    pub name: &'static str,
    /// The primary key, a UUIDv7: its order is the order of creation.
    pub id: C,
}

/// One page of rows.
#[derive(Debug)]
pub struct Page<M> {
    pub rows: Vec<M>,
    pub info: PageInfo,
    pub total: Option<u64>,
}

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, SimpleObject)]
#[graphql(shareable)]
pub struct PageInfo {
    /// Whether older entries follow.
    has_next_page: bool,
    /// Whether newer entries precede.
    has_previous_page: bool,
    /// For `before`.
    start_cursor: Option<String>,
    /// For `after`.
    end_cursor: Option<String>,
}

/// What is asked of a list.
struct Wanted {
    backward: bool,
    size: u64,
    after: Option<Uuid>,
    before: Option<Uuid>,
}

/// Reads one page of what `select` finds; counts everything it finds where `counted`.
///
/// # Errors
/// `INVALID_INPUT` for cursors that are not ours or of another list, for sizes below 0 or above 100, and for `first`
/// together with `last`.
pub async fn read<E>(
    app: &App,
    select: Select<E>,
    list: List<E::Column>,
    arguments: &PageArguments,
    counted: bool,
) -> Result<Page<E::Model>>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Row + Send + Sync,
{
    let wanted = wanted(app, list.name, arguments)?;
    let db = app.db.read();
    let total = match counted {
        true => Some(select.clone().count(db).await?),
        false => None,
    };
    let mut within = select.clone();
    if let Some(after) = wanted.after {
        within = within.filter(list.id.lt(after));
    }
    if let Some(before) = wanted.before {
        within = within.filter(list.id.gt(before));
    }
    let ordered = if wanted.backward {
        within.order_by_asc(list.id)
    } else {
        within.order_by_desc(list.id)
    };
    // One more than asked for tells whether there are more.
    let mut rows = ordered.limit(wanted.size + 1).all(db).await?;
    let more = rows.len() as u64 > wanted.size;
    rows.truncate(usize::try_from(wanted.size).unwrap_or(usize::MAX));
    if wanted.backward {
        rows.reverse();
    }
    let (newer, older) = if wanted.backward {
        let older = match wanted.before {
            Some(before) => exists(db, &select, list.id.lte(before)).await?,
            None => false,
        };
        (more, older)
    } else {
        let newer = match wanted.after {
            Some(after) => exists(db, &select, list.id.gte(after)).await?,
            None => false,
        };
        (newer, more)
    };
    let cursor = |row: Option<&E::Model>| row.map(|row| app.tickets.cursor(list.name, row.id()));
    let info = PageInfo {
        has_next_page: older,
        has_previous_page: newer,
        start_cursor: cursor(rows.first()),
        end_cursor: cursor(rows.last()),
    };
    Ok(Page { rows, info, total })
}

/// A row that a page can be cut at.
pub trait Row {
    fn id(&self) -> Uuid;
}

async fn exists<E>(
    db: &impl ConnectionTrait,
    select: &Select<E>,
    condition: sea_orm::sea_query::Expr,
) -> Result<bool>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Send + Sync,
{
    let found = select.clone().filter(condition).limit(1).all(db).await?;
    Ok(!found.is_empty())
}

fn wanted(app: &App, list: &str, arguments: &PageArguments) -> Result<Wanted> {
    let mut issues = Issues::default();
    let mut size = |path, given: Option<i32>| {
        let given = given?;
        match u64::try_from(given) {
            Ok(size) if given <= MOST => Some(size),
            _ => {
                issues.push(Issue::new(path, "not_allowed", format!("0 to {MOST}.")));
                None
            }
        }
    };
    let (first, last) = (size("first", arguments.first), size("last", arguments.last));
    if arguments.first.is_some() && arguments.last.is_some() {
        issues.push(Issue::new(
            "last",
            "not_allowed",
            "Either `first` or `last`.",
        ));
    }
    let mut place = |path, given: &Option<String>| {
        let found = given
            .as_ref()
            .map(|cursor| app.tickets.cursor_row(list, cursor));
        if found == Some(None) {
            issues.push(Issue::new(
                path,
                "format",
                "This is no cursor of this list.",
            ));
        }
        found.flatten()
    };
    let (after, before) = (
        place("after", &arguments.after),
        place("before", &arguments.before),
    );
    issues.none()?;
    Ok(Wanted {
        backward: last.is_some(),
        size: last.or(first).unwrap_or(USUAL),
        after,
        before,
    })
}

/// One page of a list: a connection, as the Relay specification calls it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name_type, shareable)]
pub struct Connection<T: OutputType> {
    edges: Vec<Edge<T>>,
    /// The nodes of the edges.
    nodes: Vec<T>,
    page_info: PageInfo,
    /// Of the whole list, filtered; counted only when selected.
    total_count: i32,
}

/// An entry and its place.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name_type, shareable)]
pub struct Edge<T: OutputType> {
    /// For `after` and `before`; of no use in another list.
    cursor: String,
    node: T,
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

impl<T: OutputType + Clone> Connection<T> {
    /// Puts a page into the shape of the API; `nodes` are the views of its rows, one each.
    pub fn new<M: Row>(app: &App, list: &str, page: Page<M>, nodes: Vec<T>) -> Self {
        let cursors = page
            .rows
            .iter()
            .map(|row| app.tickets.cursor(list, row.id()));
        Self {
            edges: cursors
                .zip(nodes.iter().cloned())
                .map(|(cursor, node)| Edge { cursor, node })
                .collect(),
            nodes,
            page_info: page.info,
            total_count: page
                .total
                .map_or(0, |total| i32::try_from(total).unwrap_or(i32::MAX)),
        }
    }
}

/// Whether the field `totalCount` is selected.
pub fn is_counted(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}
