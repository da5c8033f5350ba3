// A guard: a command that changes anything must name a ticket in a comment of its SQL.

/** What changes no data. Every other action counts as a change, those that this list has never heard of too. */
const HARMLESS = new Set(
  `begin close commit copy-to deallocate declare discard execute explain fetch listen lock move notify prepare release
   reset rollback savepoint select set show transaction unlisten use`.split(/\s+/),
);

/** What a comment may stand beside or seem to stand within, as PostgreSQL reads it: a line comment; the start of a block
 * comment; an escape string, with its continuations on further lines; a string; a quoted name; a dollar-quoted string. */
const TOKEN =
  /--[^\n\r]*|\/\*|(?<![\w$\x80-\uffff])(?:[eE]'(?:[^'\\]|''|\\.)*'(?:(?:\s|--[^\n\r]*[\n\r])+'(?:[^'\\]|''|\\.)*')*|(\$(?:[a-z_\x80-\uffff][\w\x80-\uffff]*)?\$).*?\1)|'[^']*'|"[^"]*"/gis;

const DEFAULT = "[A-Z]+-[0-9]+";

let ticket;

/** The comments in a text, one after another. */
function comments(sql) {
  const found = [];
  TOKEN.lastIndex = 0;
  for (let token; (token = TOKEN.exec(sql)); ) {
    if (token[0] === "/*") TOKEN.lastIndex = endOfBlock(sql, TOKEN.lastIndex);
    if (token[0] === "/*" || token[0].startsWith("--")) found.push(sql.slice(token.index, TOKEN.lastIndex));
  }
  return found;
}

/** Where a block comment ends whose inside begins at `from`. Block comments nest. */
function endOfBlock(sql, from) {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 1; depth > 0; ) {
    const found = mark.exec(sql);
    if (!found) return sql.length;
    depth += found[0] === "/*" ? 1 : -1;
  }
  return mark.lastIndex;
}

export const plugin = {
  describe: () => ({
    name: "ticket",
    version: "0.1.0",
    description: "Denies commands that change data and name no ticket in a comment.",
    configSchema: JSON.stringify({
      type: "object",
      properties: { pattern: { type: "string", minLength: 1, description: `What a ticket looks like. Left out: ${DEFAULT}` } },
      additionalProperties: false,
    }),
    looksAt: {},
  }),

  configure(config) {
    const { pattern = DEFAULT } = JSON.parse(config);
    try {
      new RegExp(pattern); // By itself first: ")(" would be valid within other brackets.
      ticket = new RegExp(`(?<!\\w)(?:${pattern})(?!\\w)`);
    } catch (error) {
      throw `pattern is no regular expression: ${error.message}`;
    }
    if (ticket.test("")) throw "pattern must not match an empty text";
  },
};

export const guard = {
  judge(_context, { text, operations, complete }) {
    const change = operations.find(({ action }) => !HARMLESS.has(action));
    if ((complete && !change) || comments(text).some((comment) => ticket.test(comment))) return { tag: "allow" };
    const what = change ? `${change.action.toUpperCase()} ${change.object}`.trim() : "what cannot be told in full";
    const hint = "Name the ticket in a comment, such as /* OPS-123 */ before the command.";
    return { tag: "deny", val: { rule: "ticket", reason: `no ticket is named for this change: ${what}`, hint } };
  },
};
