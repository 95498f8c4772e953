// Every page of the product: its address, its code (loaded when first opened), and what stands around it.
import type { Component } from 'svelte'

export interface Screen {
  path: string
  title: string
  load: () => Promise<{ default: Component }>
  /** What stands around the page: nothing, the top bar, or the top bar with the project's tabs. */
  around: 'nothing' | 'bar' | 'project'
  /** The page fills the window below the bar and scrolls within itself. */
  fills?: boolean
  /** Strangers may see it. */
  open?: boolean
}

export const screens: readonly Screen[] = [
  { path: '/signin', title: 'Sign in', load: () => import('./signin/SignIn.svelte'), around: 'nothing', open: true },
  { path: '/', title: 'Projects', load: () => import('./projects/Projects.svelte'), around: 'bar' },
  { path: '/account', title: 'Account', load: () => import('./account/Account.svelte'), around: 'bar' },
  { path: '/fleet', title: 'Devices', load: () => import('./fleet/Fleet.svelte'), around: 'bar' },
  { path: '/system', title: 'System', load: () => import('./system/System.svelte'), around: 'bar' },
  { path: '/projects/:id', title: 'Project', load: () => import('./overview/Overview.svelte'), around: 'project' },
  { path: '/projects/:id/images', title: 'Images', load: () => import('./images/Images.svelte'), around: 'project' },
  { path: '/projects/:id/label', title: 'Label', load: () => import('./label/Label.svelte'), around: 'project', fills: true },
  { path: '/projects/:id/learn', title: 'Learn', load: () => import('./learn/Learn.svelte'), around: 'project' },
  { path: '/projects/:id/export', title: 'Export', load: () => import('./export/Export.svelte'), around: 'project' },
  { path: '/projects/:id/devices', title: 'Devices', load: () => import('./devices/Devices.svelte'), around: 'project' },
  { path: '/projects/:id/devices/:device', title: 'Device', load: () => import('./device/Device.svelte'), around: 'project' },
  { path: '/projects/:id/dashboard', title: 'Dashboard', load: () => import('./dashboard/Dashboard.svelte'), around: 'project' },
  { path: '/projects/:id/settings', title: 'Settings', load: () => import('./settings/Settings.svelte'), around: 'project' },
]

export const missing: Screen = { path: '', title: 'Not found', load: () => import('./missing/Missing.svelte'), around: 'bar' }

/** The project's tabs, in the order of the work. */
export const tabs = [
  { name: 'Images', path: 'images' },
  { name: 'Label', path: 'label' },
  { name: 'Learn', path: 'learn' },
  { name: 'Export', path: 'export' },
  { name: 'Devices', path: 'devices' },
  { name: 'Settings', path: 'settings' },
] as const
