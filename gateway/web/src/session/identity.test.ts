import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { buildSchema, parse, validate } from "graphql";
import { EMAIL, FakeGateway, PASSWORD } from "./fakeWorld.ts";
import { identityApi, LOGIN, LOGOUT, REFRESH, Refused, VIEWER } from "./identity.ts";

const SNAPSHOT = resolve(import.meta.dirname, "../../../../schema/schema.graphql");

describe("identityApi", () => {
  for (const [name, document] of Object.entries({ LOGIN, LOGOUT, REFRESH, VIEWER })) {
    test(`asks ${name} as the schema has it`, { skip: !existsSync(SNAPSHOT) && "no snapshot printed" }, () => {
      const schema = buildSchema(readFileSync(SNAPSHOT, "utf8"));
      assert.deepEqual(validate(schema, parse(document)), []);
    });
  }

  test("measures a token's life by the gateway's clock", async () => {
    const gateway = new FakeGateway();
    const api = identityApi("/graphql", gateway.fetch, () => 5_000);
    const tokens = await api.login(EMAIL, PASSWORD);
    assert.deepEqual(tokens, {
      accessToken: "access-1",
      refreshToken: "refresh-1",
      obtainedAt: 5_000,
      lifetime: 600_000,
    });
  });

  test("says that an answer was no GraphQL", async () => {
    const send = async () => new Response("<html>", { status: 502 });
    const api = identityApi("/graphql", send, Date.now);
    const message = "The gateway answered with status 502 and no GraphQL.";
    await assert.rejects(api.login(EMAIL, PASSWORD), new Refused("UNREADABLE", message));
  });
});
