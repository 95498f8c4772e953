import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'
import ts from 'typescript-eslint'
import svelteConfig from './svelte.config.js'

export default ts.config(
  { ignores: ['node_modules', 'src/api/schema.d.ts', '../annotator/web/dist'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
    rules: {
      // Links go through our own router, which has no resolve().
      'svelte/no-navigation-without-resolve': 'off',
      // A prop that is only handed on keeps its name.
      'no-useless-assignment': 'off',
      // Where a collection must be reactive, svelte/reactivity is imported; most are plain on purpose.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  { rules: { eqeqeq: 'error', 'no-console': ['error', { allow: ['warn', 'error'] }] } },
)
