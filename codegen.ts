import { type CodegenConfig } from '@graphql-codegen/cli'

/** Typed operations for the worker, the CLI, the tests and everybody who installs `pilothouse/client`. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'src/client/operations/*.graphql',
  generates: {
    'src/client/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
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
