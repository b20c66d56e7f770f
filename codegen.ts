import { type CodegenConfig } from '@graphql-codegen/cli'

// The client preset would add a tag function with a table of every document, which nobody here uses.
const output = {
  plugins: ['typescript-operations', 'typed-document-node'],
  config: {
    useTypeImports: true,
    enumsAsTypes: true,
    strictScalars: true,
    scalars: { DateTime: 'string', Cursor: 'string', JSON: 'unknown' },
    defaultScalarType: 'unknown',
  },
}

/** Typed operations: for the worker, the CLI, the tests and everybody who installs `pilothouse/client`; and for the console, which reads other fields. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  generates: {
    'src/client/generated/graphql.ts': { ...output, documents: 'src/client/operations/*.graphql' },
    'console/src/generated/graphql.ts': { ...output, documents: 'console/src/**/*.graphql' },
  },
  emitLegacyCommonJSImports: false,
}

// The generator's own command reads the default export; ours is named, like every other.
export { config as default, config }
