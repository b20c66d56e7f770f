import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'src/client/generated/', 'console/src/generated/', 'drizzle/', 'eslint.config.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/require-await': 'off',
      'eqeqeq': ['error', 'smart'],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ['console/**'], ...reactHooks.configs.flat.recommended },
  // Without types, or projects of their own: the step of .ci/run that installs the packed package checks theirs.
  { files: ['examples/integrator/**', 'examples/approval/npx.js', '.ci/**'], ...tseslint.configs.disableTypeChecked },
  { files: ['test/**', 'examples/**'], rules: { 'max-lines-per-function': 'off' } },
)
