import { type CodegenConfig } from '@graphql-codegen/cli'

/** Typed operations for the worker, the CLI, the tests and everybody who installs `pilothouse/client`. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'src/client/operations/*.graphql',
  generates: {
    // The client preset would add a tag function with a table of every document, which nobody here uses.
    'src/client/generated/graphql.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { DateTime: 'string', Cursor: 'string', JSON: 'unknown' },
        defaultScalarType: 'unknown',
      },
    },
  },
  emitLegacyCommonJSImports: false,
}

// The generator's own command reads the default export; ours is named, like every other.
export { config as default, config }
