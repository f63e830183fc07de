"""Lists, as every resource answers them: filters, search, order, pages of at most a hundred."""

import json

from halo_sandbox import errors, schema
from halo_sandbox.parameters import Parameters
from halo_sandbox.resources.resource import Resource, View
from halo_sandbox.storage import Condition, Selection, Storage, equals

LARGEST_PAGE = 100
USUAL_PAGE = 50

# What every list with an envelope can be asked, beside the filters of its resource.
PAGING = ("pageinate", "page_size", "page_no", "count", "search", "order", "orderdesc")
STAMPED = ("lastupdatefromdate", "lastupdatetodate")


async def answer(storage: Storage, resource: Resource, query: Parameters) -> object:
    """The body of `GET /{Resource}`."""
    if resource.needs and not any(query.text(name) for name in resource.needs):
        raise errors.Refusal(504)
    where = tuple(conditions(resource, query))
    order = tuple(ordering(resource, query))
    view = View(
        asset_fields=query.boolean("includeassetfields") and query.integer("assettype_id") is not None,
        users=query.boolean("includeuser"),
    )
    if resource.narrow is not None:
        where = (*where, *resource.narrow(query))
    if resource.envelope is None:
        rows = await storage.select(resource.path, Selection(where, order))
        return await resource.present(storage, rows, view)
    number, limit, offset = page(query)
    rows = await storage.select(resource.path, Selection(where, order, limit, offset))
    body: dict[str, object] = {
        "record_count": await storage.count(resource.path, Selection(where)),
        resource.envelope: await resource.present(storage, rows, view),
    }
    if number is None:
        return body
    return {"page_no": number, "page_size": limit, **body}


def parameters(resource: Resource) -> tuple[str, ...]:
    """The names of the query parameters this resource knows."""
    return (
        *resource.filters,
        *(PAGING if resource.envelope else ()),
        *(resource.shown_by if resource.retires else ()),
        *(STAMPED if resource.stamp else ()),
        *(("advanced_search",) if resource.advanced else ()),
    )


def page(query: Parameters) -> tuple[int | None, int, int]:
    """Page number (None: not paged), rows and offset. Beyond a hundred rows a page is cut silently."""
    if not query.boolean("pageinate"):
        return None, query.integer("count") or USUAL_PAGE, 0
    size = min(query.integer("page_size") or USUAL_PAGE, LARGEST_PAGE)
    number = max(query.integer("page_no") or 1, 1)
    return number, max(size, 1), (number - 1) * max(size, 1)


def conditions(resource: Resource, query: Parameters) -> list[Condition]:
    found = [
        equals(name, value)
        for name in resource.filters
        if (value := _filter_value(resource, name, query)) is not None
    ]
    if resource.retires:
        found.extend(_activity(resource, query))
    if resource.searched and (search := query.text("search")):
        found.append(_contains(_searched(resource, query), search))
    if "name" in resource.text and (name := query.text("search_name_only")):
        found.append(_contains(("name",), name))
    if resource.stamp:
        found.extend(_updated(resource.stamp, query))
    if wanted := query.text("advanced_search"):
        found.extend(advanced(resource, wanted))
    return found


def _filter_value(resource: Resource, name: str, query: Parameters) -> str | int | None:
    return query.integer(name) if name in resource.numbers else query.text(name)


def _activity(resource: Resource, query: Parameters) -> list[Condition]:
    """Only active rows, unless asked otherwise."""
    in_use, out_of_use = resource.shown_by
    shown = [
        state
        for state, wanted in (
            (f'coalesce("{resource.off}", 0) = 0', query.boolean(in_use, default=True)),
            (f'"{resource.off}" = 1', query.boolean(out_of_use)),
        )
        if wanted
    ]
    return [Condition(" OR ".join(shown) or "0")]


def _searched(resource: Resource, query: Parameters) -> tuple[str, ...]:
    if "inventory_number" in resource.text and query.boolean("search_inventory_number_only"):
        return ("inventory_number",)
    return resource.searched


def _contains(columns: tuple[str, ...], wanted: str) -> Condition:
    # instr and not LIKE: Halo's users write % and _ in names.
    sql = " OR ".join(f'instr(lower("{column}"), lower(?)) > 0' for column in columns)
    return Condition(sql, (wanted,) * len(columns))


def _updated(stamp: str, query: Parameters) -> list[Condition]:
    return [
        Condition(f'"{stamp}" {operator} ?', (moment.isoformat(timespec="microseconds"),))
        for name, operator in zip(STAMPED, (">=", "<="), strict=True)
        if (moment := query.moment(name)) is not None
    ]


def advanced(resource: Resource, text: str) -> list[Condition]:
    """`[{filter_name, filter_type: 2, filter_value}]`; 2 is equality, the only type known."""
    refused = errors.plain("Invalid advanced search parameter")
    try:
        wanted = json.loads(text)
    except json.JSONDecodeError:
        raise refused from None
    if not isinstance(wanted, list):
        raise refused
    return [_advanced_one(resource, one, refused) for one in wanted]


def _advanced_one(resource: Resource, one: object, refused: errors.Refusal) -> Condition:
    if not isinstance(one, dict) or one.keys() != {"filter_name", "filter_type", "filter_value"}:
        raise refused
    name, kind, value = one["filter_name"], one["filter_type"], one["filter_value"]
    if name not in resource.advanced or kind != 2 or not isinstance(value, str | int):
        raise refused
    return equals(name, value)


def ordering(resource: Resource, query: Parameters) -> list[str]:
    terms = []
    for suffix in ("", "2", "3", "4", "5"):
        name = query.text(f"order{suffix}")
        if name is None:
            continue
        if name not in schema.properties(resource.schema):
            raise errors.no_such_column(name)
        direction = "DESC" if query.boolean(f"orderdesc{suffix}") else "ASC"
        expression = name if name == "id" else f"json_extract(document, '$.\"{name}\"')"
        terms.append(f"{expression} COLLATE NOCASE {direction}")
    return terms
