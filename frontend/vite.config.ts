import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// The server that answers the API while the page is served by Vite (`npm run dev`).
const backend = process.env.BACKEND ?? 'http://127.0.0.1:8000'
const forwarded = Object.fromEntries(
  ['/api', '/events', '/healthz', '/admin', '/static/admin', '/static/rest_framework'].map((path) => [path, { target: backend }]),
)

export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/static/app/' : '/',
  plugins: [svelte()],
  build: {
    outDir: '../annotator/web/dist',
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows fonts and scripts only as files of our own.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
  server: { host: '127.0.0.1', port: Number(process.env.PORT ?? 5173), strictPort: true, proxy: forwarded },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
}))
