import { expect, test } from 'vitest'
import { match } from '../src/routes'

const routes = [{ path: '/' }, { path: '/projects/:id' }, { path: '/projects/:id/label' }]

test('an address finds its route with the values of its parameters', () => {
  expect(match(routes, '/projects/12/label')).toEqual({ route: routes[2], params: { id: '12' } })
})

test('a slash at the end makes no difference', () => {
  expect(match(routes, '/projects/12/')?.route).toBe(routes[1])
})

test('values are decoded', () => {
  expect(match(routes, '/projects/a%20b')?.params).toEqual({ id: 'a b' })
})

test('an unknown address finds nothing', () => {
  expect(match(routes, '/elsewhere')).toBeNull()
  expect(match(routes, '/projects/1/label/2')).toBeNull()
})
