import { join } from 'node:path';
import { adminPage } from './admin-page.ts';
import { clientsPage, writtenTable } from './clients-page.ts';
import { commandsPage } from './commands-page.ts';
import { configPage } from './config-page.ts';
import { errorsPage } from './errors-page.ts';
import { logPage } from './log-page.ts';
import { metricsPage } from './metrics-page.ts';

/** Where the pages lie. */
export const REFERENCE = join(import.meta.dirname, '../../config/reference');

/** Every page, made of the definitions; what clients do is known by running them alone. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'admin.md': adminPage,
  'clients.md': () => clientsPage(writtenTable()),
  'commands.md': commandsPage,
  'config.md': configPage,
  'errors.md': errorsPage,
  'log.md': logPage,
  'metrics.md': metricsPage,
};
