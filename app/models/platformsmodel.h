// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pagemodel.h"

#include <QtCore/QVariantList>

namespace assistiv::console {

/// All platforms of this installation and the one that is being looked at.
class PlatformsModel : public assistiv::console::PageModel
{
    Q_OBJECT
    QML_ELEMENT
    /// Maps with id, name, slug, initials, color, active.
    Q_PROPERTY(QVariantList platforms READ platforms NOTIFY changed)
    Q_PROPERTY(int count READ count NOTIFY changed)
    /// Id of the chosen platform. A wish for one that does not exist falls back to the first.
    Q_PROPERTY(QString current READ current WRITE setCurrent NOTIFY changed)
    Q_PROPERTY(QVariantMap currentPlatform READ currentPlatform NOTIFY changed)
    /// "1 of 4"
    Q_PROPERTY(QString place READ place NOTIFY changed)

public:
    using PageModel::PageModel;

    QVariantList platforms() const;
    int count() const { return int(m_platforms.size()); }
    QString current() const;
    void setCurrent(const QString &id);
    QVariantMap currentPlatform() const;
    QString place() const;

protected:
    void ask() override;
    QString failureTitle() const override;
    bool concerns(ConsoleEngine::Topic topic) const override { return topic == ConsoleEngine::Topic::Platforms; }
    bool isEmpty() const override { return m_platforms.isEmpty(); }

private:
    qsizetype currentIndex() const;

    QList<PlatformSummary> m_platforms;
    QString m_wanted;
};

} // namespace assistiv::console
