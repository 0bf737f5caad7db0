import type { TypedDocumentNode } from '@graphql-typed-document-node/core';

export type DocumentType<Document> = Document extends TypedDocumentNode<infer Data, never> ? Data : never;
